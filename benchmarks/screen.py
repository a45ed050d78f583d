"""Code with ghost text in it, redrawn in its place on a terminal, written once into a pipe."""

import shutil
import unicodedata
from typing import TextIO

from lsp_server.commands.terminal import DIM, has_colour, painted, printable

BOLD = "1"
LINES_BEFORE, LINES_AFTER = 3, 2
# Where there is no colour, ghost text stands between these.
OPEN, CLOSE = "⟦", "⟧"


class Screen:
    """`begin` names the code, `grow` shows the ghost text so far, `end` the last of it."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._moves = stream.isatty() and has_colour(stream)
        self._text = ""
        self._cursor = 0
        self._height = 0

    def line(self, text: str = "") -> None:
        self._stream.write(printable(text) + "\n")

    def heading(self, text: str) -> None:
        self._stream.write(painted(printable(text), BOLD, self._stream) + "\n")

    def note(self, text: str) -> None:
        self._stream.write(f"{'':4} {painted(printable(text), DIM, self._stream)}\n")
        self._stream.flush()

    def begin(self, text: str, cursor: int) -> None:
        self._text, self._cursor, self._height = text, cursor, 0
        if self._moves:
            self._draw("")

    def grow(self, ghost: str) -> None:
        if self._moves:
            self._draw(ghost)

    def end(self, ghost: str) -> None:
        self._draw(ghost)

    def _draw(self, ghost: str) -> None:
        if self._height:
            self._stream.write(f"\x1b[{self._height}A\r\x1b[J")
        lines = self._lines(ghost)
        self._height = len(lines)
        self._stream.write("".join(f"{line}\n" for line in lines))
        self._stream.flush()

    def _lines(self, ghost: str) -> list[str]:
        """The lines around the cursor, numbered; ghost text of several lines stands between two of them."""
        before = printable(self._text[: self._cursor]).split("\n")
        after = printable(self._text[self._cursor :]).split("\n")
        inside = printable(ghost).split("\n")
        number = len(before) - 1
        top = max(0, number - LINES_BEFORE)
        drawn = [self._numbered(i + 1, line) for i, line in enumerate(before[:number]) if i >= top]
        width = self._room()
        for i, piece in enumerate(inside):
            head = before[-1] if i == 0 else ""
            tail = after[0] if i == len(inside) - 1 else ""
            head = cut(head, width)
            piece = cut(piece, width - columns(head))
            tail = cut(tail, width - columns(head) - columns(piece))
            gutter = f"{number + 1:4}" if i == 0 else f"{'':4}"
            drawn.append(f"{gutter} {head}{self._ghost(piece)}{tail}")
        drawn += [self._numbered(number + 2 + i, line) for i, line in enumerate(after[1 : 1 + LINES_AFTER])]
        return drawn

    def _numbered(self, number: int, line: str) -> str:
        return f"{number:4} {cut(line, self._room())}"

    def _ghost(self, text: str) -> str:
        if not text or has_colour(self._stream):
            return painted(text, DIM, self._stream)
        return f"{OPEN}{text}{CLOSE}"

    def _room(self) -> int:
        """Columns for code. A line that the terminal would fold would be two when it is redrawn."""
        return shutil.get_terminal_size().columns - 6 if self._moves else 10_000


def columns(text: str) -> int:
    """How wide a terminal draws a text: East Asian wide characters take two columns."""
    return sum(_width(character) for character in text)


def cut(text: str, width: int) -> str:
    """As much of the text as fits."""
    used = 0
    for i, character in enumerate(text):
        used += _width(character)
        if used > width:
            return text[:i]
    return text


def _width(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
