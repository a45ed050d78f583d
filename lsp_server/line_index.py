r"""Where the lines of a text begin.

The protocol knows three line ends, \n, \r\n and \r; form feeds, U+2028 and the others that `str.splitlines`
knows are characters like any other.
"""

import re
from array import array
from bisect import bisect_right
from typing import Self

_LINE_END = re.compile(r"\r\n|\n|\r")


class LineIndex:
    """The offsets at which lines begin; immutable.

    An edit shifts every line behind it. As Scintilla's `Partitioning` does, the shift is kept as one pending
    step (`starts[i] + delta` for `i >= step`) that moves with the edits, so that typing costs the distance
    between two edits, and a copy of the array (memcpy), but never a Python loop over the file.
    """

    __slots__ = ("_delta", "_starts", "_step", "length")

    def __init__(self, starts: "array[int]", step: int, delta: int, length: int) -> None:
        self._starts = starts
        self._step = step
        self._delta = delta
        self.length = length

    @classmethod
    def of(cls, text: str) -> Self:
        """The index of a whole text: one pass over it."""
        starts = array("q", [0])
        starts.extend(match.end() for match in _LINE_END.finditer(text))
        return cls(starts, len(starts), 0, len(text))

    def __len__(self) -> int:
        """The number of lines; a text without a line end has one."""
        return len(self._starts)

    def start(self, line: int) -> int:
        """The offset at which `line` begins. Raises IndexError for a line that is not there."""
        if not 0 <= line < len(self._starts):
            raise IndexError(line)
        return self._starts[line] + (self._delta if line >= self._step else 0)

    def line_at(self, offset: int) -> int:
        """The line that holds `offset`; an offset between \\r and \\n is in the line that they end."""
        step, starts = self._step, self._starts
        if step < len(starts) and starts[step] + self._delta <= offset:
            return bisect_right(starts, offset - self._delta, step) - 1
        return bisect_right(starts, offset, 0, step) - 1

    def edited(self, text: str, start: int, end: int, inserted: int) -> "LineIndex":
        r"""The index of `text`, where `inserted` characters replaced [start, end) of this index's text.

        Whether a line begins at p depends on the characters at p-1 and p only (\r then \n is one end), so
        every line start in [start, end] is dropped and [start, start + inserted] is searched anew.
        """
        # A start at 0 belongs to no line end and always stays.
        first = max(1, self.line_at(start - 1) + 1) if start else 1
        last = self.line_at(end) + 1
        low = max(0, start - 1)
        found = [
            match.end()
            for match in _LINE_END.finditer(text, low, min(len(text), start + inserted + 1))
            if start <= match.end() <= start + inserted
        ]
        starts = array("q", self._starts)
        self._settle(starts, last)
        starts[first:last] = array("q", found)
        step = first + len(found)
        return LineIndex(starts, step, self._delta + inserted - (end - start), len(text))

    def _settle(self, starts: "array[int]", step: int) -> None:
        """Move the pending shift in `starts`, a copy, so that it begins at `step`."""
        if self._delta == 0:
            return
        first, last = sorted((self._step, step))
        shift = self._delta if first == self._step else -self._delta
        starts[first:last] = array("q", [start + shift for start in starts[first:last]])
