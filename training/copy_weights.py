"""Stage 5b: how far copying is to be trusted, fitted on held-out text and written into the model's card.

    python -m training.copy_weights --model OUT --corpus DIR

Along the true text behind held-out cursors, each token has a probability from the model and one from what
followed earlier occurrences (`inference/copying.py`). The weight of each length of occurrence is the one
under which the mixture makes the truth most likely, found by expectation maximisation (Jelinek and Mercer
1980). The cursors are other ones than those that `training.evaluate` reports on.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from inference.copying import LENGTHS, Continuation, Copies
from inference.model import Logits
from inference.models.load import load
from training.cursors import Cursor, Kind, draw_cursors
from training.true_text import TrueText

SEED = 1_000_001
KINDS: tuple[Kind, ...] = ("rest of line", "full line")
MAX_WEIGHT = 0.98
MIN_STEPS = 30
_ALL_COPY = 1 - 1e-9


@dataclass(frozen=True, slots=True)
class Step:
    """One true token: how long the earlier occurrence is, and what either side gave the token."""

    place: int
    by_model: float
    by_copy: float


def chance(logits: Logits, allowed: np.ndarray, token: int) -> float:
    """The probability of `token` among those allowed; 0 if it is none of them."""
    at = np.flatnonzero(allowed == token)
    if not len(at):
        return 0.0
    scores = logits[allowed].astype(np.float64)
    return float(np.exp(scores[at[0]] - scores.max()) / np.exp(scores - scores.max()).sum())


def copy_chance(
    logits: Logits, found: Continuation, allowed: np.ndarray, token: int, end: int, pieces: list[bytes]
) -> float:
    """The probability that `found` alone gives `token`."""
    copies = Copies.of(found, [_ALL_COPY] * len(LENGTHS), end, pieces)
    return chance(copies.mixed_into(logits), allowed, token) if copies else 0.0


def steps(true_text: TrueText, cursors: list[Cursor]) -> Iterator[Step]:
    """The steps at which there was an earlier occurrence, along the truth behind each cursor and its end."""
    for number, cursor in enumerate(cursors, 1):
        for at in true_text.positions(cursor):
            if at.found is not None and at.found.place >= 0:
                by_copy = copy_chance(
                    at.logits, at.found, at.allowed, at.token, true_text.end, true_text.index.pieces
                )
                yield Step(at.found.place, chance(at.logits, at.allowed, at.token), by_copy)
        if sys.stderr.isatty():
            print(f"\r{number}/{len(cursors)} ", end="", file=sys.stderr, flush=True)


def fit(seen: list[Step]) -> list[float]:
    """A weight for each of LENGTHS; 0 where too few steps speak for one."""
    weights = []
    for place in range(len(LENGTHS)):
        chosen = [step for step in seen if step.place == place]
        by_model = np.array([step.by_model for step in chosen])
        by_copy = np.array([step.by_copy for step in chosen])
        weight = 0.0 if len(chosen) < MIN_STEPS else 0.3
        for _ in range(200):
            if weight < 1e-3:
                break
            copied = weight * by_copy
            weight = float((copied / np.maximum(copied + (1 - weight) * by_model, 1e-30)).mean())
        weights.append(round(min(weight, MAX_WEIGHT), 3) if weight >= 1e-3 else 0.0)
    return weights


def nats(seen: list[Step], weights: list[float]) -> float:
    """What a token costs on average under the mixture."""
    costs = [
        -math.log(max((1 - weights[step.place]) * step.by_model + weights[step.place] * step.by_copy, 1e-12))
        for step in seen
    ]
    return sum(costs) / len(costs)


def main() -> int:
    parser = argparse.ArgumentParser(prog="training.copy_weights", description="Fit a card's copy_weights.")
    parser.add_argument("--model", type=Path, required=True, help="a checkpoint; its card.json is rewritten")
    parser.add_argument("--corpus", type=Path, required=True, help="folder that training.corpus wrote")
    parser.add_argument("--cursors", type=int, default=400, help="of each kind")
    arguments = parser.parse_args()
    true_text = TrueText(*load(arguments.model, "cpu"))
    held_out = arguments.corpus / "heldout.jsonl"
    seen = [
        step
        for kind in KINDS
        for step in steps(true_text, draw_cursors(held_out, arguments.cursors, kind, SEED))
    ]
    weights = fit(seen)
    for place, weight in enumerate(weights):
        count = sum(step.place == place for step in seen)
        print(f"{LENGTHS[place]:3} bytes or more: weight {weight:.3f} from {count} tokens")
    without = nats(seen, [0.0] * len(LENGTHS))
    print(f"{without:.3f} nats a token without copying, {nats(seen, weights):.3f} with it")
    path = arguments.model / "card.json"
    data = {**json.loads(path.read_text(encoding="utf-8")), "copy_weights": weights}
    partial = path.with_suffix(".part")
    partial.write_text(json.dumps(data, indent=2) + "\n", encoding="utf-8")
    partial.replace(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
