"""Between the protocol's types and ours: only the edge speaks lsprotocol."""

from __future__ import annotations

from lsprotocol import types

from lsp_server.document import Change, Snapshot
from lsp_server.position import Encoding, Position


def from_position(position: types.Position) -> Position:
    return Position(position.line, position.character)


def from_change(change: types.TextDocumentContentChangeEvent) -> Change:
    if isinstance(change, types.TextDocumentContentChangePartial):
        return Change(change.text, from_position(change.range.start), from_position(change.range.end))
    return Change(change.text)


def to_range(snapshot: Snapshot, start: int, end: int, encoding: Encoding) -> types.Range:
    """The range of the offsets [start, end) in the encoding that was agreed on."""
    first, last = snapshot.position(start, encoding), snapshot.position(end, encoding)
    return types.Range(types.Position(first.line, first.character), types.Position(last.line, last.character))
