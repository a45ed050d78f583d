"""Where each document was last edited, and whether that took text away."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

from lsp_server.document import Change, Snapshot
from lsp_server.position import Encoding

_MAX_DOCUMENTS = 256


@dataclass(frozen=True, slots=True)
class Edit:
    """`place` is where the last edit ended, None where only the whole text is known."""

    place: int | None
    erased: bool


class Edits:
    """The last one of each document, closed ones too: who opens it again may go on there."""

    def __init__(self) -> None:
        self._last: OrderedDict[str, Edit] = OrderedDict()

    def changed(
        self, before: Snapshot, changes: Sequence[Change], after: Snapshot, encoding: Encoding
    ) -> None:
        """`changes` have made `after` of `before`."""
        if not changes:
            return
        erased = len(after.text) < len(before.text)
        if all(change.start is not None for change in changes):
            erased = erased and not any(change.text for change in changes)
        last = changes[-1]
        place = None
        if last.start is not None and last.end is not None:
            place = after.offset(min(last.start, last.end), encoding) + len(last.text)
        self._keep(after.uri, Edit(place, erased))

    def asked(self, uri: str, offset: int) -> None:
        """The cursor is there: who has erased nothing there has moved on."""
        edit = self._last.get(uri)
        if edit is None or edit.place != offset:
            self._keep(uri, Edit(offset, edit is not None and edit.erased and edit.place is None))

    def erased_at(self, uri: str, offset: int) -> bool:
        """Whether the user has just taken text away before or behind the cursor."""
        edit = self._last.get(uri)
        return edit is not None and edit.erased and edit.place in (None, offset)

    def place(self, uri: str) -> int | None:
        """Where the cursor was last known to be."""
        edit = self._last.get(uri)
        return edit.place if edit is not None else None

    def _keep(self, uri: str, edit: Edit) -> None:
        self._last[uri] = edit
        self._last.move_to_end(uri)
        if len(self._last) > _MAX_DOCUMENTS:
            self._last.popitem(last=False)
