"""Whether the probability of a completion says how often it is right."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

BINS = 10


def calibration(answers: Sequence[tuple[float, bool]]) -> dict[str, Any]:
    """Reliability table, expected calibration error and Brier score of (probability, right) pairs.

    The error is the mean distance, over BINS bins of equal width, between how sure the answers of a bin are
    and how often they are right, weighted by their number (arXiv 1706.04599, equation 3). The Brier score is
    the mean squared distance between probability and outcome; `brier_of_rate` is what always saying the
    overall rate would get. Without answers there is nothing but the count of 0.
    """
    count = len(answers)
    if not count:
        return {"answers": 0}
    bins: list[list[tuple[float, bool]]] = [[] for _ in range(BINS)]
    for probability, right in answers:
        bins[min(int(probability * BINS), BINS - 1)].append((probability, right))
    table = []
    error = 0.0
    for number, members in enumerate(bins):
        row: dict[str, Any] = {"from": number / BINS, "to": (number + 1) / BINS, "answers": len(members)}
        if members:
            row["probability"] = sum(probability for probability, _ in members) / len(members)
            row["right"] = sum(right for _, right in members) / len(members)
            error += abs(row["right"] - row["probability"]) * len(members) / count
        table.append(row)
    rate = sum(right for _, right in answers) / count
    return {
        "answers": count,
        "right": rate,
        "probability": sum(probability for probability, _ in answers) / count,
        "error": error,
        "brier": sum((probability - right) ** 2 for probability, right in answers) / count,
        "brier_of_rate": rate * (1 - rate),
        "table": table,
    }
