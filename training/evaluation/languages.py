"""Completed lines per language, where a corpus holds out more than Python."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from training.cursors import KINDS, draw_cursors, languages_in
from training.evaluation.completer import LineCompleter
from training.evaluation.lines import LineFloor, lines


def by_language(
    completer: LineCompleter, floor: LineFloor, held_out: Path, count: int, seed: int
) -> dict[str, dict[str, Any]]:
    """The figures of `lines` for each language but Python, by kind; {} where there is none.

    Raises:
        DataError: the file is not a corpus, or a language in it has no line of code.
    """
    return {
        language: {
            kind: lines(
                completer,
                floor,
                draw_cursors(held_out, count, kind, seed, language),
                f"{language}, {kind}",
            )
            for kind in KINDS
        }
        for language in languages_in(held_out)
        if language != "python"
    }
