"""What the user has just changed, a few lines at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from lsp_server.completion.sources.pace import Pace
from lsp_server.completion.sources.query import Piece, Query
from lsp_server.document import Change, Snapshot
from lsp_server.index.meaning import cut, telling_names
from lsp_server.line_index import LineIndex

_ROOM = 240  # characters of one
_MAX_PIECES = 4
_MAX_EDITS = 16
_MAX_LINES = 20  # of one edit: what is longer was pasted, or made by a program
_GAP = 2  # lines between two edits that become one
_MARGIN = 1  # lines around an edit that are shown with it


@dataclass(frozen=True, slots=True)
class _Edit:
    """The lines [first, last] of a document, as it is now."""

    uri: str
    first: int
    last: int


class RecentEdits:
    """Keeps where edits were, not their text; that is read when it is wanted."""

    def __init__(self) -> None:
        self._edits: list[_Edit] = []  # the newest last

    def changed(self, before: Snapshot, after: Snapshot, changes: Sequence[Change]) -> None:
        """`changes`, one after another, have made `after` of `before`."""
        if any(change.start is None for change in changes):
            self._note(after.uri, *_difference(before, after))
            return
        for change in changes:
            if change.start is not None and change.end is not None:
                start, end = sorted((change.start, change.end))
                # A line that is put in front of another, or in the place of one, leaves the other as it was.
                is_whole = end.character == 0 and change.text.endswith(("\n", "\r"))
                num_lines = len(LineIndex.of(change.text)) - is_whole
                self._note(after.uri, start.line, end.line - is_whole, num_lines)

    def forget(self, uri: str) -> None:
        """The document is another now, or gone."""
        self._edits = [edit for edit in self._edits if edit.uri != uri]

    async def find(self, query: Query, pace: Pace) -> tuple[Piece, ...]:
        """The newest first; only those that share a name with what is near the cursor."""
        documents = {each.uri: each for each in (query.snapshot, *query.others)}
        names = frozenset(query.names)
        found: dict[Piece, None] = {}
        for edit in reversed(self._edits):
            await pace.rest()
            snapshot = documents.get(edit.uri)
            if snapshot is None or edit.last >= len(snapshot.lines):
                continue
            start, end = _extent(edit, snapshot)
            if snapshot is query.snapshot and start < query.window.end and query.window.start < end:
                continue
            text = snapshot.text[start:end]
            if not names.intersection(telling_names(text, 0, 4 * _ROOM)):
                continue
            piece = query.piece(snapshot, cut(text.removesuffix("\n"), _ROOM))
            if piece is not None:
                found[piece] = None
            if len(found) == _MAX_PIECES:
                break
        return tuple(found)

    def _note(self, uri: str, first: int, last: int, num_lines: int) -> None:
        """The lines [first, last] have become `num_lines`: move what lies behind, and add what is new."""
        new = _Edit(uri, first, first + num_lines - 1)
        shift = num_lines - (last - first + 1)
        kept = []
        for edit in self._edits:
            if edit.uri != uri or edit.last < first - _GAP:
                kept.append(edit)
            elif edit.first > last + _GAP:
                kept.append(replace(edit, first=edit.first + shift, last=edit.last + shift))
            else:  # one with the new edit, unless that makes it too long
                whole = _Edit(uri, min(edit.first, new.first), max(edit.last + shift, new.last))
                new = whole if whole.last - whole.first < _MAX_LINES else new
        if new.last - new.first < _MAX_LINES:
            kept.append(new)
        self._edits = kept[-_MAX_EDITS:]


def _extent(edit: _Edit, snapshot: Snapshot) -> tuple[int, int]:
    """The edit's lines and those around it, in characters."""
    first, last = max(0, edit.first - _MARGIN), edit.last + _MARGIN
    end = snapshot.lines.start(last + 1) if last + 1 < len(snapshot.lines) else len(snapshot.text)
    return snapshot.lines.start(first), end


def _difference(before: Snapshot, after: Snapshot) -> tuple[int, int, int]:
    """The first and the last line of `before` that are not in `after`, and how many stand there instead."""
    old, new = before.text, after.text
    start = _common(old, new)
    end = _common(old[start:][::-1], new[start:][::-1])
    first = before.lines.line_at(start)
    last = before.lines.line_at(len(old) - end)
    return first, last, after.lines.line_at(len(new) - end) - first + 1


def _common(one: str, other: str) -> int:
    """The length of the beginning that two texts have in common: by halves, which is compared in C."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low
