"""The place that a text was asked for, and which other places go on with it."""

from __future__ import annotations

from dataclasses import dataclass

from lsp_server.completion.context import SUFFIX_BUDGET, plain
from lsp_server.document import Snapshot

# How far before the cursor an edit is noticed, in characters. Hashing them takes 0.25 ms.
REACH = 1_000_000

_PARTNERS = {"(": ")", "[": "]", "{": "}"}
_QUOTES = frozenset("\"'`")


@dataclass(frozen=True, slots=True)
class Origin:
    """Where the model was asked, without the text: hashes (64 bits, keyed at random a process) stand for it.

    The rule: a text still fits where nothing before its origin (within `REACH`) and nothing of what a prompt
    can show behind the cursor (`SUFFIX_BUDGET`) has changed, and what stands between origin and cursor is its
    own beginning. Behind the cursor there may be more: the brackets and quotes that an editor puts there
    while the opening ones are typed. How the prompt's window has scrolled since makes no difference. An edit
    that moves the origin is one before it. Of other files nothing is known here: whoever learns that one has
    changed forgets the texts.
    """

    uri: str
    offset: int
    before: int
    behind: int
    num_behind: int
    """Characters behind the origin, to the end of the document."""
    drops_blank: bool
    """Whether a blank that the text begins with is left out, because the line has it already."""

    @classmethod
    def of(cls, snapshot: Snapshot, offset: int, drops_blank: bool = False) -> Origin:
        text = snapshot.text
        before, behind = _before(text, offset), _behind(text, offset)
        return cls(snapshot.uri, offset, before, behind, len(text) - offset, drops_blank)

    def reached(self, generated: str, snapshot: Snapshot, offset: int) -> int | None:
        """How many characters of a text generated here stand before `offset` now; None: it does not fit."""
        text = snapshot.text
        if snapshot.uri != self.uri or not 0 <= offset - self.offset <= 2 * len(generated):
            return None
        typed = text[self.offset : offset]
        end = self._end(generated, typed)
        if end is None or not self._stands(text, offset, typed):
            return None
        return end

    def rest_of(self, shown: str, snapshot: Snapshot, offset: int) -> str | None:
        """What is left at `offset` of a text shown here; None: something else was typed, or nothing is left.

        Behind the cursor nothing may have been added: then the document would be the same with it as with
        what was shown.
        """
        text = snapshot.text
        if snapshot.uri != self.uri or not 0 <= offset - self.offset < len(shown):
            return None
        typed = text[self.offset : offset]
        if not shown.startswith(typed) or not self.is_unchanged(snapshot, offset):
            return None
        return shown[len(typed) :]

    def is_unchanged(self, snapshot: Snapshot, offset: int) -> bool:
        """Whether nothing has changed before the origin, and what was behind it is now behind `offset`."""
        text = snapshot.text
        return _before(text, self.offset) == self.before and _behind(text, offset) == self.behind

    def may_lead_to(self, generated: str, snapshot: Snapshot) -> bool:
        """Whether there is any place in the document where a text generated here fits."""
        text = snapshot.text
        stop = len(text) - self.num_behind
        if snapshot.uri != self.uri or not self.offset <= stop <= self.offset + 2 * len(generated):
            return False
        inserted = text[self.offset : stop]
        return self._stands(text, stop, "") and any(
            self._end(generated, inserted[:at]) is not None
            for at in range(len(inserted) + 1)
            if inserted[at:] in ("", _closing(inserted[:at]))
        )

    def _end(self, generated: str, typed: str) -> int | None:
        """Where `typed` ends in `generated`, if it is its beginning."""
        typed = plain(typed)
        if generated.startswith(typed):
            return len(typed)
        num_blanks = len(generated) - len(generated.lstrip(" "))
        if self.drops_blank and generated.startswith(typed, num_blanks):
            return num_blanks + len(typed)
        return None

    def _stands(self, text: str, offset: int, typed: str) -> bool:
        """Whether the text around origin and cursor is what it was."""
        if _before(text, self.offset) != self.before:
            return False
        if _behind(text, offset) == self.behind:
            return True
        closing = _closing(typed)
        return (
            closing != ""
            and text.startswith(closing, offset)
            and _behind(text, offset + len(closing)) == self.behind
        )


def _before(text: str, offset: int) -> int:
    return hash(text[max(0, offset - REACH) : offset])


def _behind(text: str, offset: int) -> int:
    return hash(text[offset : offset + SUFFIX_BUDGET])


def _closing(typed: str) -> str:
    """The brackets and quotes that an editor may have put behind the cursor while `typed` was typed."""
    awaited: list[str] = []
    for character in typed:
        if awaited and character == awaited[-1]:
            awaited.pop()
        elif character in _PARTNERS:
            awaited.append(_PARTNERS[character])
        elif character in _QUOTES:
            awaited.append(character)
    return "".join(reversed(awaited))
