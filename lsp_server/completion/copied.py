"""What followed the text before the cursor where it stands elsewhere: a guess that needs no model.

The longest suffix that occurs again is looked for, as PPM does (Cleary and Witten 1984) and as prompt lookup
does for drafts, in characters. It counts where it is long and everything that followed it is the same.
"""

from __future__ import annotations

from collections.abc import Iterable

from lsp_server.document import Snapshot

SHORTEST = 20
"""Characters of a suffix that is telling, blanks at lines' beginnings and ends not counted."""
_LONGEST = 400  # characters of it are compared, and of what followed taken
_MOST_PLACES = 300  # are compared in a document
_MOST_TEXT = 4_000_000  # characters are searched, of all documents: at a gigabyte a second


def continuation(snapshot: Snapshot, offset: int, others: Iterable[Snapshot] = ()) -> str:
    """The rest of the line as it stood where the longest suffix of the text before `offset` occurs, in the
    document or one of the `others`; "" where it does not, or did not always go on like that."""
    before = snapshot.text[max(0, offset - _LONGEST) : offset]
    key = before[_key(before) :]
    if _weight(key) < SHORTEST:
        return ""
    best, found = 0, set[str]()
    left = _MOST_TEXT
    for document in (snapshot, *(other for other in others if other.uri != snapshot.uri)):
        text = document.text[:left]
        left -= len(text)
        for end in _places(text, key, offset if document is snapshot else -1):
            if not text.endswith(before[len(before) - best :], 0, end):
                continue  # it is shorter
            length = _common_suffix(text, end, before)
            if length > best:
                best, found = length, set()
            if length == best:
                found.add(text[end : min(document.line_end(end), end + _LONGEST)].rstrip())
    return found.pop() if len(found) == 1 else ""


def _key(before: str) -> int:
    """Where the shortest telling suffix begins."""
    at = len(before) - SHORTEST
    while at > 0 and _weight(before[at:]) < SHORTEST:
        at -= 1
    return max(at, 0)


def _weight(text: str) -> int:
    return sum(len(line.strip()) for line in text.split("\n"))


def _places(text: str, key: str, cursor: int) -> Iterable[int]:
    """Behind every place of `key`, but at the cursor itself."""
    at = text.find(key)
    for _ in range(_MOST_PLACES):
        if at < 0:
            return
        if at + len(key) != cursor:
            yield at + len(key)
        at = text.find(key, at + 1)


def _common_suffix(text: str, end: int, before: str) -> int:
    """How many characters before `end` are the last of `before`."""
    length = 0
    for a, b in zip(reversed(text[max(0, end - len(before)) : end]), reversed(before), strict=False):
        if a != b:
            break
        length += 1
    return length
