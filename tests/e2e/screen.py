"""What Neovim draws, kept as a grid of cells (`:help ui-linegrid`), and as HTML for a picture of it."""

from __future__ import annotations

import html
from dataclasses import dataclass, field
from typing import Any

DEFAULT_FOREGROUND, DEFAULT_BACKGROUND = 0xE0E2EA, 0x14161B


@dataclass(slots=True)
class Screen:
    """One grid; `apply` fills it from redraw batches."""

    columns: int
    rows: int
    text: list[list[str]] = field(init=False)
    style: list[list[int]] = field(init=False)
    styles: dict[int, dict[str, Any]] = field(default_factory=dict)
    foreground: int = DEFAULT_FOREGROUND
    background: int = DEFAULT_BACKGROUND
    cursor: tuple[int, int] = (0, 0)

    def __post_init__(self) -> None:
        self._clear()

    def apply(self, batches: list[list[Any]]) -> None:
        for name, *calls in batches:
            draw = getattr(self, f"_{name}", None)
            for arguments in calls if draw else ():
                draw(*arguments)

    def lines(self) -> list[str]:
        return ["".join(row).rstrip() for row in self.text]

    def to_html(self) -> str:
        """A page whose `pre` is the screen, with the cursor as a block."""
        rows = []
        for number, (cells, ids) in enumerate(zip(self.text, self.style, strict=True)):
            row = []
            for column, (cell, style) in enumerate(zip(cells, ids, strict=True)):
                css = self._css(self.styles.get(style, {}), reverse=(number, column) == self.cursor)
                row.append(f'<span style="{css}">{html.escape(cell or " ")}</span>')
            rows.append("".join(row))
        font = "font: 15px/1.3 'JetBrains Mono', 'DejaVu Sans Mono', monospace"
        frame = f"display: inline-block; margin: 0; padding: 12px; background: #{self.background:06x}"
        return f'<body style="margin: 0"><pre style="{font}; {frame}">' + "\n".join(rows) + "</pre></body>"

    def _css(self, style: dict[str, Any], *, reverse: bool) -> str:
        front, back = style.get("foreground", self.foreground), style.get("background", self.background)
        if reverse != bool(style.get("reverse")):
            front, back = back, front
        css = f"color: #{front:06x}; background: #{back:06x}"
        css += "; font-weight: bold" if style.get("bold") else ""
        return css + ("; font-style: italic" if style.get("italic") else "")

    def _clear(self) -> None:
        self.text = [[" "] * self.columns for _ in range(self.rows)]
        self.style = [[0] * self.columns for _ in range(self.rows)]

    # One method for each redraw event of interest, by its name.

    def _grid_resize(self, _grid: int, columns: int, rows: int) -> None:
        self.columns, self.rows = columns, rows
        self._clear()

    def _grid_clear(self, _grid: int) -> None:
        self._clear()

    def _grid_cursor_goto(self, _grid: int, row: int, column: int) -> None:
        self.cursor = (row, column)

    def _grid_line(
        self, _grid: int, row: int, column: int, cells: list[list[Any]], _wrap: bool = False
    ) -> None:
        style = 0
        for cell in cells:
            style = cell[1] if len(cell) > 1 else style
            for _ in range(cell[2] if len(cell) > 2 else 1):
                self.text[row][column], self.style[row][column] = cell[0], style
                column += 1

    def _grid_scroll(
        self, _grid: int, top: int, bottom: int, left: int, right: int, rows: int, _columns: int
    ) -> None:
        order = range(top, bottom - rows) if rows > 0 else range(bottom - 1, top - rows - 1, -1)
        for row in order:
            self.text[row][left:right] = self.text[row + rows][left:right]
            self.style[row][left:right] = self.style[row + rows][left:right]

    def _hl_attr_define(self, number: int, rgb: dict[str, Any], _cterm: Any, _info: Any) -> None:
        self.styles[number] = rgb

    def _default_colors_set(self, foreground: int, background: int, *_: int) -> None:
        self.foreground, self.background = foreground, background
