"""What the model gets to see of the document."""

import re
from dataclasses import dataclass

from lsp_server.document import Snapshot
from lsp_server.syntax.scopes import headers, imports

# Shares of the prefix's budget: what imports and scope headers may take, what the cursor's line may grow to
# before the window makes room for it, and the step in which the window's edge moves.
_FRONT = 4
_LINE = 8
_STEP = 8
_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Context:
    r"""The text before and after the cursor, for the model: line ends are \n, no lone surrogates."""

    prefix: str
    suffix: str


def gather(snapshot: Snapshot, offset: int, prefix_budget: int, suffix_budget: int) -> Context:
    """The text around `offset`: at most `prefix_budget` and `suffix_budget` characters of it.

    Both are cut at line ends, except in a line longer than the budget. Where the window does not reach the
    file's beginning, the file's imports and the headers of the scopes around the window's first line come
    before it, in the file's order. While a line is typed the prefix only grows, until the line is unusually
    long: the window's edge depends on where the line begins.
    """
    start = _window_start(snapshot, offset, prefix_budget)
    prefix = snapshot.text[start:offset]
    if 0 < start == snapshot.line_start(start):
        prefix = _front(snapshot, start, prefix_budget // _FRONT) + prefix
    return Context(
        _plain(prefix), _plain(snapshot.text[offset : _window_end(snapshot, offset, suffix_budget)])
    )


def _window_start(snapshot: Snapshot, offset: int, budget: int) -> int:
    line, grown, step = snapshot.line_start(offset), budget // _LINE, max(1, budget // _STEP)
    # The line's beginning, or, once the line has grown past its share, a point in it that moves in steps.
    anchor = line + _up(max(0, offset - line - grown), step)
    if anchor + grown <= budget:
        return 0
    edge = _up(anchor + grown + budget // _FRONT - budget, step)
    if edge >= line:
        return edge
    number = snapshot.lines.line_at(edge)
    return edge if snapshot.lines.start(number) == edge else snapshot.lines.start(number + 1)


def _up(number: int, step: int) -> int:
    """The next multiple of `step`."""
    return -(-number // step) * step


def _window_end(snapshot: Snapshot, offset: int, budget: int) -> int:
    limit = offset + budget
    if limit >= len(snapshot.text):
        return len(snapshot.text)
    end = snapshot.line_start(limit)
    return end if end > offset else limit


def _front(snapshot: Snapshot, start: int, room: int) -> str:
    """The headers and imports before `start`, in the file's order; inner headers are the last to give way."""
    chosen: list[tuple[int, int]] = []
    for extent in [*reversed(headers(snapshot, start)), *imports(snapshot, start)]:
        length = extent[1] - extent[0]
        if length <= room and extent[1] <= start and extent not in chosen:
            chosen.append(extent)
            room -= length
    return "".join(snapshot.text[begin:end] for begin, end in sorted(chosen))


def _plain(text: str) -> str:
    return _SURROGATE.sub("\ufffd", text.replace("\r\n", "\n").replace("\r", "\n"))
