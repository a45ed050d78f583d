"""What the model gets to see of the document."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from inference.messages import MAX_OUTLINE, Extent
from lsp_server.document import Snapshot
from lsp_server.surrogates import well_formed
from lsp_server.syntax.scopes import headers, imports

# Characters around the cursor that are sent to the worker, which cuts them to its model's budget in tokens.
PREFIX_BUDGET = 12_000
SUFFIX_BUDGET = 4_000

# Shares of the prefix's budget: what imports and scope headers may take, what the cursor's line may grow to
# before the window makes room for it, and the step in which the window's edge moves.
_FRONT = 4
_LINE = 8
_STEP = 8
_Lines = tuple[int, int]  # the extent of whole lines


@dataclass(frozen=True, slots=True)
class Context:
    r"""The text before and after the cursor, for the model: line ends are \n, no lone surrogates.

    `outline` are the extents of imports and scope headers in `prefix`, most telling first.
    """

    prefix: str
    suffix: str
    outline: tuple[Extent, ...]


def gather(snapshot: Snapshot, offset: int, prefix_budget: int, suffix_budget: int) -> Context:
    """The text around `offset`: at most `prefix_budget` and `suffix_budget` characters of it.

    Both are cut at line ends, except in a line longer than the budget. Where the window does not reach the
    file's beginning, the file's imports and the headers of the scopes around the cursor come before it, in
    the file's order. While a line is typed the prefix only grows and the outline stays, until the line is
    unusually long: the window's edge depends on where the line begins.
    """
    start = _window_start(snapshot, offset, prefix_budget)
    telling = _telling(snapshot, offset)
    parts = [(start, offset)]
    if start == snapshot.line_start(start):
        parts = [*_fitting([e for e in telling if e[1] <= start], prefix_budget // _FRONT), *parts]
    return Context(
        "".join(plain(snapshot.text[begin:end]) for begin, end in parts),
        plain(snapshot.text[offset : _window_end(snapshot, offset, suffix_budget)]),
        tuple(islice(_placed(snapshot, parts, telling), MAX_OUTLINE)),
    )


def _telling(snapshot: Snapshot, offset: int) -> list[_Lines]:
    """The headers of the scopes around the line above the cursor's, inner ones first, and the imports.

    Not around the cursor's own line, which while it is typed is part of now this scope and now that.
    """
    line = snapshot.line_start(offset)
    above = snapshot.line_start(len(snapshot.text[:line].rstrip())) if line else 0
    return list(dict.fromkeys([*reversed(headers(snapshot, above)), *imports(snapshot, line)]))


def _fitting(extents: list[_Lines], room: int) -> list[_Lines]:
    """Those that fit `room` characters, in the file's order; the first are the last to give way."""
    chosen = []
    for begin, end in extents:
        if end - begin <= room:
            chosen.append((begin, end))
            room -= end - begin
    return sorted(chosen)


def _placed(snapshot: Snapshot, parts: list[_Lines], extents: list[_Lines]) -> Iterator[Extent]:
    """Where the extents lie in the plain text of `parts`, for those that do: as a part or in the last."""
    places, at = {}, 0
    for part in parts:
        places[part] = at
        at += _length(snapshot, *part)
    window = parts[-1]
    for extent in extents:
        begin = places.get(extent)
        if begin is None and window[0] <= extent[0] and extent[1] <= window[1]:
            begin = places[window] + _length(snapshot, window[0], extent[0])
        if begin is not None:
            yield Extent(begin, begin + _length(snapshot, *extent))


def _length(snapshot: Snapshot, begin: int, end: int) -> int:
    """The characters of [begin, end) as plain text."""
    return end - begin - snapshot.text.count("\r\n", begin, end)


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


def plain(text: str) -> str:
    r"""A text as the model sees it: line ends are \n, and U+FFFD stands for half a surrogate pair."""
    return well_formed(text).replace("\r\n", "\n").replace("\r", "\n")
