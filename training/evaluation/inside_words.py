"""A cursor inside a word against the same cursor at its start: more is known, so no fewer may be right."""

from __future__ import annotations

import random
import re
from pathlib import Path
from typing import Any

from training.cursors import Cursor, draw_lines
from training.evaluation.completer import LineCompleter
from training.evaluation.progress import Progress

MIN_LETTERS = 3
_WORD = re.compile(rf"\w{{{MIN_LETTERS},}}")


def draw_pairs(
    held_out: Path, count: int, seed: int, language: str | None = "python"
) -> list[tuple[Cursor, Cursor]]:
    """Pairs of cursors in one word of a line, at its start and inside it; missing is the rest of the line.

    Raises:
        DataError: the file is not a corpus, or has no such line.
    """
    rng = random.Random(seed)
    pairs: list[tuple[Cursor, Cursor]] = []
    lines = draw_lines(held_out, language, rng)
    while len(pairs) < count:
        line = next(lines)
        words = list(_WORD.finditer(line.text))
        if words:
            word = rng.choice(words)
            inside = rng.randrange(word.start() + 1, word.end())
            pairs.append((line.cursor(word.start()), line.cursor(inside)))
    return pairs


def inside_words(completer: LineCompleter, pairs: list[tuple[Cursor, Cursor]]) -> dict[str, Any]:
    """Exact match at either cursor of at least one pair, and at how many pairs only one of them had it."""
    progress = Progress("inside words", len(pairs))
    rows = []
    for number, pair in enumerate(pairs, 1):
        row: dict[str, Any] = {"word": pair[0].truth, "typed": len(pair[0].truth) - len(pair[1].truth)}
        for name, cursor in zip(("start", "inside"), pair, strict=True):
            answer = completer.line(cursor.text)
            row[name] = answer.text.rstrip()
            row[f"{name}_right"] = row[name] == cursor.truth
        rows.append(row)
        progress(number)
    return {
        "pairs": len(rows),
        "start_exact": sum(row["start_right"] for row in rows) / len(rows),
        "inside_exact": sum(row["inside_right"] for row in rows) / len(rows),
        "only_start": sum(row["start_right"] and not row["inside_right"] for row in rows),
        "only_inside": sum(row["inside_right"] and not row["start_right"] for row in rows),
        "rows": rows,
    }
