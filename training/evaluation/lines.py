"""Exact match and edit similarity of completed lines, beside those of the floors."""

from __future__ import annotations

from typing import Any, Protocol

from training.cursors import Cursor, copied, edit_similarity
from training.evaluation.calibration import calibration
from training.evaluation.completer import LineCompleter
from training.evaluation.progress import Progress


class LineFloor(Protocol):
    """Whatever completes a line without a model."""

    def line(self, prefix: str, suffix: str) -> str: ...


def lines(completer: LineCompleter, floor: LineFloor, cursors: list[Cursor], what: str) -> dict[str, Any]:
    """Figures over at least one cursor, and a row for each; exact match compares up to trailing blanks.

    Calibration is of what would be shown, empty answers are no part of it: of the mean probability of a
    token, and of the probability of the whole.
    """
    progress = Progress(what, len(cursors))
    rows: list[dict[str, Any]] = []
    for number, cursor in enumerate(cursors, 1):
        answer = completer.line(cursor.text)
        rows.append(
            {
                "path": f"{cursor.source}/{cursor.path}",
                "before": cursor.prefix[-160:],
                "truth": cursor.truth,
                "model": answer.text.rstrip(),
                "copy": copied(cursor.prefix, cursor.suffix).rstrip(),
                "ngram": floor.line(cursor.prefix, cursor.suffix).rstrip(),
                "stop": answer.stop_reason,
                "confidence": answer.confidence,
                "probability": answer.probability,
            }
        )
        progress(number)

    def mean(values: list[float]) -> float:
        return sum(values) / len(rows)

    def exact(column: str) -> float:
        return mean([row[column] == row["truth"] for row in rows])

    def similarity(column: str) -> float:
        return mean([edit_similarity(row[column], row["truth"]) for row in rows])

    def shown(column: str) -> dict[str, Any]:
        return calibration([(row[column], row["model"] == row["truth"]) for row in rows if row["model"]])

    return {
        "cursors": len(rows),
        "exact": exact("model"),
        "similarity": similarity("model"),
        "copy_exact": exact("copy"),
        "copy_similarity": similarity("copy"),
        "ngram_exact": exact("ngram"),
        "ngram_similarity": similarity("ngram"),
        "either_exact": mean([row["truth"] in (row["model"], row["copy"]) for row in rows]),
        "calibration": shown("confidence"),
        "calibration_of_whole": shown("probability"),
        "rows": rows,
    }
