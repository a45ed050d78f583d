"""Stage 6b: what a model's probabilities are worth, from an evaluation's answers into the model's card.

    python -m training.calibrate --scores SCORES.json [SCORES.json …] --model OUT

SCORES are what `training.evaluate --json` wrote of that very model, best of several seeds; every answer in
them that says anything counts, of all languages, rests of lines and whole lines alike. The language server
shows a line only where so probable ones are right often enough (`lsp_server/completion/confidence.py`).
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from training.evaluation.calibration import calibration
from training.evaluation.isotonic import isotonic
from training.jsonl import DataError

DIGITS = 4


def answers_in(scores: dict[str, Any]) -> Iterator[tuple[float, bool]]:
    """The probability of each answer that is not empty, and whether it is right."""
    for value in scores.values():
        if not isinstance(value, dict):
            continue
        for row in value.get("rows", ()):
            if row.get("model") and "probability" in row:
                yield row["probability"], row["model"] == row["truth"]
        yield from answers_in({key: inner for key, inner in value.items() if isinstance(inner, dict)})


def points(answers: list[tuple[float, bool]]) -> list[list[float]]:
    """The card's `calibration`: rounded, and still rising."""
    rounded: list[list[float]] = []
    for probability, right in isotonic(answers):
        point = [round(probability, DIGITS), round(right, DIGITS)]
        if not rounded or point[0] > rounded[-1][0]:
            rounded.append(point)
    return rounded


def read(path: Path, name: str) -> list[tuple[float, bool]]:
    """The answers of one evaluation.

    Raises:
        DataError: it is of another model than `name`, or has no answers with a probability.
    """
    scores = json.loads(path.read_text(encoding="utf-8"))
    if scores.get("model") != name:
        raise DataError(f"{path}: of the model {scores.get('model')!r}, not {name!r}")
    if not (found := list(answers_in(scores))):
        raise DataError(f"{path}: no answers with a probability; run training.evaluate --only lines")
    return found


def main() -> int:
    options = argparse.ArgumentParser(prog="training.calibrate", description="Fit a card's calibration.")
    options.add_argument("--scores", type=Path, nargs="+", required=True, help="of training.evaluate --json")
    options.add_argument("--model", type=Path, required=True, help="a checkpoint; its card.json is rewritten")
    arguments = options.parse_args()
    path = arguments.model / "card.json"
    try:
        card = json.loads(path.read_text(encoding="utf-8"))
        answers = [each for scores in arguments.scores for each in read(scores, card["name"])]
    except (DataError, OSError, KeyError, json.JSONDecodeError) as error:
        print(f"training.calibrate: {error}", file=sys.stderr)
        return 1
    card["calibration"] = points(answers)
    for probability, right in card["calibration"]:
        print(f"probability {probability:.4f}: {right:.1%} right")
    print(f"{len(answers)} answers, expected calibration error {calibration(answers)['error']:.3f} before")
    partial = path.with_suffix(".part")
    partial.write_text(json.dumps(card, indent=2) + "\n", encoding="utf-8")
    partial.replace(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
