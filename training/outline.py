"""Lines that say where a window of a file lies: its imports, the headers of the scopes around the cursor.

The language server sends the same (`lsp_server/syntax/scopes.py`, by syntax tree); examples are made by the
million, so here lines and indentation decide.
"""

from __future__ import annotations

import re

from inference.messages import MAX_OUTLINE, Extent

_IMPORT = re.compile(r"(?:import|from)\s")
_SCOPE = re.compile(r"\s*(?:async\s+def|def|class)\b")
_MAX_LINES = 6


def line_starts(text: str) -> list[int]:
    """The offset of each line, and as the last item that of the line behind the end."""
    starts = [0]
    for content in text.split("\n"):
        starts.append(starts[-1] + len(content) + 1)
    return starts


def outline_of(prefix: str) -> tuple[Extent, ...]:
    """The outline of the text before a cursor, for a prompt."""
    return tuple(Outline(prefix).extents(prefix.count("\n")))


class Outline:
    """The imports and scopes of a Python file."""

    def __init__(self, text: str) -> None:
        self._text = text
        self.starts = line_starts(text)
        lines = range(len(self.starts) - 1)
        self._imports = [self._statement(number) for number in lines if _IMPORT.match(self._line(number))]

    def before(self, window: int, cursor: int, room: int, imports: bool = True) -> str:
        """Lines above the line `window`, in the file's order, of at most `room` characters together.

        Where they do not all fit, headers of the scopes around the line `cursor` go before imports.
        """
        chosen: list[Extent] = []
        for extent in self.extents(cursor, imports):
            size = extent.end - extent.start
            if extent.end <= self.starts[window] and size <= room:
                chosen.append(extent)
                room -= size
        return "".join(self._text[e.start : e.end] for e in sorted(chosen, key=lambda e: e.start))

    def without_imports(self, window: int, end: int) -> str:
        """The text from the line `window` to the offset `end`, but for the whole imports in between."""
        kept, at = [], self.starts[window]
        for statement in self._imports:
            if statement.start >= window and self.starts[statement.stop] <= end:
                kept.append(self._text[at : self.starts[statement.start]])
                at = self.starts[statement.stop]
        return "".join((*kept, self._text[at:end]))

    def extents(self, cursor: int, imports: bool = True) -> list[Extent]:
        """What the language server sends for a cursor in the line `cursor`: most telling first."""
        statements = (*self._headers(cursor), *(self._imports if imports else ()))
        lines = [s for s in statements if s.stop <= cursor]
        return [Extent(self.starts[s.start], self.starts[s.stop]) for s in lines[:MAX_OUTLINE]]

    def _headers(self, cursor: int) -> list[range]:
        found = []
        limit = self._indentation(cursor)
        for number in range(cursor - 1, -1, -1):
            if limit == 0:
                break
            line = self._line(number)
            if line.strip() and line.lstrip()[0] not in ")]}" and self._indentation(number) < limit:
                limit = self._indentation(number)
                if _SCOPE.match(line):
                    found.append(self._statement(number))
        return found

    def _statement(self, number: int) -> range:
        """The lines of a statement that begins on `number`: on until its brackets close."""
        open_brackets, last = 0, number
        for last in range(number, min(number + _MAX_LINES, len(self.starts) - 1)):
            line = self._line(last)
            open_brackets += sum(map(line.count, "([{")) - sum(map(line.count, ")]}"))
            if open_brackets <= 0:
                break
        return range(number, last + 1)

    def _line(self, number: int) -> str:
        return self._text[self.starts[number] : self.starts[number + 1]]

    def _indentation(self, number: int) -> int:
        line = self._line(number)
        return len(line) - len(line.lstrip())
