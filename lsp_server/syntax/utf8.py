"""A text in UTF-8, with what leads from its characters to its bytes and rows and back."""

from array import array
from bisect import bisect_right
from typing import Self

from lsp_server.surrogates import well_formed
from lsp_server.syntax.replacement import Replacement

# Characters between two marks: a conversion reads half as many on average, an edit moves one mark in 4,096.
STEP = 4096


class Utf8:
    r"""`data` is the UTF-8 form of `text`; immutable.

    A lone surrogate reads as U+FFFD, which has as many bytes: some grammars end a node in the midst of bytes
    that are no UTF-8. Marks, at most 2 * STEP characters apart, know their byte and their row: tree-sitter's
    rows end at \n alone. A replacement shifts the marks behind it, so that nothing is counted twice.
    """

    __slots__ = ("_bytes", "_offsets", "_rows", "data", "text")

    def __init__(
        self, text: str, data: bytes, offsets: "array[int]", rows: "array[int]", in_bytes: "array[int]"
    ) -> None:
        self.text = text
        self.data = data
        self._offsets = offsets
        self._rows = rows
        self._bytes = in_bytes

    @classmethod
    def of(cls, text: str) -> Self:
        """The form of a whole text: one pass over it."""
        offsets, rows, in_bytes = (array("q", [0, *column]) for column in _marks(text, 0, len(text), 0, 0))
        return cls(text, _encoded(text), offsets, rows, in_bytes)

    def byte(self, offset: int) -> int:
        """The byte at a code-point offset."""
        if len(self.data) == len(self.text):
            return offset
        mark = bisect_right(self._offsets, offset) - 1
        return self._bytes[mark] + _size(self.text[self._offsets[mark] : offset])

    def offset(self, byte: int) -> int:
        """The code-point offset of a byte, which must lie between characters."""
        if len(self.data) == len(self.text):
            return byte
        mark = bisect_right(self._bytes, byte) - 1
        return self._offsets[mark] + len(self.data[self._bytes[mark] : byte].decode())

    def point(self, offset: int) -> tuple[int, int]:
        """tree-sitter's row and column, in bytes, of a code-point offset."""
        mark = bisect_right(self._offsets, offset) - 1
        row = self._rows[mark] + self.text.count("\n", self._offsets[mark], offset)
        return row, _size(self.text[self.text.rfind("\n", 0, offset) + 1 : offset])

    def replaced(self, change: Replacement, text: str) -> "Utf8":
        """The form of `text`, which is this one's after the change."""
        start, end = self.byte(change.start), self.byte(change.end)
        inserted = _encoded(change.text)
        old = memoryview(self.data)
        data = b"".join((old[:start], inserted, old[end:]))
        # Marks up to the first of these stay, those from the second one on are shifted.
        kept = bisect_right(self._offsets, change.start)
        shifted = max(kept, bisect_right(self._offsets, change.end))
        longer = len(change.text) - (change.end - change.start)
        following = self._offsets[shifted] + longer if shifted < len(self._offsets) else len(text)
        last = kept - 1
        new = _marks(text, self._offsets[last], following, self._rows[last], self._bytes[last])
        rows = change.text.count("\n") - self.text.count("\n", change.start, change.end)
        return Utf8(
            text,
            data,
            _spliced(self._offsets, kept, new[0], shifted, longer),
            _spliced(self._rows, kept, new[1], shifted, rows),
            _spliced(self._bytes, kept, new[2], shifted, len(inserted) - (end - start)),
        )


def _spliced(column: "array[int]", kept: int, new: list[int], shifted: int, delta: int) -> "array[int]":
    return column[:kept] + array("q", new) + array("q", [value + delta for value in column[shifted:]])


def _marks(text: str, start: int, stop: int, row: int, byte: int) -> tuple[list[int], list[int], list[int]]:
    """The offsets, rows and bytes of new marks in [start, stop), a gap behind a mark at `start`."""
    offsets, rows, in_bytes = [], [], []
    while stop - start > 2 * STEP:
        piece = text[start : start + STEP]
        start, row, byte = start + STEP, row + piece.count("\n"), byte + _size(piece)
        offsets.append(start)
        rows.append(row)
        in_bytes.append(byte)
    return offsets, rows, in_bytes


def _size(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def _encoded(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        return well_formed(text).encode()
