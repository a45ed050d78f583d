"""What the model gets to see of the document."""

import re
from dataclasses import dataclass

from lsp_server.document import Snapshot
from lsp_server.syntax.scopes import headers, imports

# A window's edge moves in steps of this share of the budget, so that it stays while a few lines are typed.
_STEP = 4
# The share of the prefix that imports and scope headers may take.
_FRONT = 3
_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Context:
    r"""The text before and after the cursor, for the model: line ends are \n, no lone surrogates."""

    prefix: str
    suffix: str


def gather(snapshot: Snapshot, offset: int, prefix_budget: int, suffix_budget: int) -> Context:
    """The text around `offset`, at most `prefix_budget` and `suffix_budget` characters of it.

    Both are cut at line ends, except in a line longer than the budget. Where the window does not reach the
    file's beginning, the file's imports and the headers of the scopes around the window's first line come
    before it, in the file's order. While a line is typed the prefix only grows: the window's edge depends on
    where the line begins, and moves a quarter of the budget at a time.
    """
    start = _window_start(snapshot, offset, prefix_budget)
    prefix = snapshot.text[start:offset]
    room = min(prefix_budget // _FRONT, prefix_budget - len(prefix))
    if start and start == snapshot.line_start(start):
        prefix = _front(snapshot, start, room) + prefix
    return Context(
        _plain(prefix), _plain(snapshot.text[offset : _window_end(snapshot, offset, suffix_budget)])
    )


def _window_start(snapshot: Snapshot, offset: int, budget: int) -> int:
    line = snapshot.line_start(offset)
    if offset <= budget:
        return 0
    if offset - line > budget // 2:
        # A line that leaves no room for others: its end, in steps as well.
        step = max(1, budget // _STEP)
        return max(line, -(-(offset - budget) // step) * step)
    room = budget - budget // _FRONT
    step = max(1, room // _STEP)
    # Half of the room is the line's to grow into before the edge has to move.
    edge = -(-max(0, line - room) // step) * step
    number = snapshot.lines.line_at(edge)
    start = snapshot.lines.start(number)
    return min(
        line, start if start == edge else snapshot.lines.start(min(number + 1, len(snapshot.lines) - 1))
    )


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
