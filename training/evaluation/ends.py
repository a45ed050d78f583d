"""End of middle: whether a completion ends where it belongs, given that it is right up to there."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from training.cursors import Cursor, draw_cursors, draw_lines
from training.evaluation.progress import Progress
from training.true_text import Choice

_TOKEN_END = re.compile(r"(?<=\w)(?!\w)|(?<=[^\w\s])")
_CLOSED = re.compile(r"[)\]}\"'][)\]}\"',:;\s]*\Z")
_TRIES = 100


def draw_spans(
    held_out: Path, count: int, seed: int, language: str | None = "python", *, closed: bool = False
) -> list[Cursor]:
    """Cursors whose missing text ends inside the line, behind a word or a punctuation character; with
    `closed` before the brackets and quotes that close the line, as an editor that pairs them leaves it.

    Raises:
        DataError: the file is not a corpus, or has no such line.
    """
    rng = random.Random(seed)
    spans: list[Cursor] = []
    lines = draw_lines(held_out, language, rng)
    while len(spans) < count:
        line = next(lines)
        for _ in range(_TRIES):
            start = rng.randrange(line.first, line.end - 1)
            ends = [m.start() for m in _TOKEN_END.finditer(line.text, start + 1) if m.start() < line.end]
            ends = [
                end
                for end in ends
                if line.text[start:end].strip() and (not closed or _CLOSED.match(line.text, end))
            ]
            if ends:
                spans.append(line.cursor(start, rng.choice(ends)))
                break
    return spans


def share_ended(
    choices: Callable[[Cursor], Iterable[Choice]], cursors: list[Cursor], what: str
) -> dict[str, Any]:
    """At what share of at least one cursor the end is the likeliest where the truth ends (`there`), at none
    of the tokens before (`not_before`), and both (`right`).

    Where the line ends with the truth, so does a completion that goes on with a line end.
    """
    progress = Progress(what, len(cursors))
    there, not_before, right = 0, 0, 0
    for number, cursor in enumerate(cursors, 1):
        to_line_end = cursor.suffix[:1] in ("", "\n")
        *before, last = (one.ends or (to_line_end and one.ends_line) for one in choices(cursor))
        there += last
        not_before += not any(before)
        right += last and not any(before)
        progress(number)
    count = len(cursors)
    return {
        "cursors": count,
        "there": there / count,
        "not_before": not_before / count,
        "right": right / count,
    }


def end_of_middle(
    choices: Callable[[Cursor], Iterable[Choice]], held_out: Path, count: int, seed: int
) -> dict[str, Any]:
    """The figures for `count` Python middles that end inside a line, as many that end before what closes it,
    and as many that end with it.

    Raises:
        DataError: the file is not a corpus, or has no such line.
    """
    kinds = {
        "inside a line": draw_spans(held_out, count, seed),
        "before closers": draw_spans(held_out, count, seed, closed=True),
        "end of line": draw_cursors(held_out, count, "rest of line", seed),
    }
    return {name: share_ended(choices, cursors, f"ends, {name}") for name, cursors in kinds.items()}
