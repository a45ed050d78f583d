"""What a step costs, learned while it runs.

Milliseconds are a speed times a linear function of what is in the step. The speed is a fast average of how
much longer or shorter steps took than expected: other processes come and go. The function's rates are fitted
slowly, by recursive least squares with forgetting (Åström and Wittenmark, Adaptive Control, section 2.2).
Errors count in proportion to the cost, so cheap steps are predicted as well as dear ones.
"""

from __future__ import annotations

import math
from collections.abc import Sequence as Numbers
from dataclasses import dataclass
from operator import mul

_FIRST = (1.0, 0.3, 0.5, 0.1)
"""Milliseconds of a step, a prompt's token, an answer's and 1,000 positions: a small model on one core."""
_DOUBT = 1.0
"""Standard deviation of each of these in the beginning, in parts of itself."""
_NOISE = 0.05
"""Variance of a step's cost in parts of itself: a fifth more or less."""
_FORGETTING = 0.995
"""For the rates a step counts half after 140 others."""
_SPEED = 0.1
"""Share of the newest step in the speed; more in the first ten."""
_MOST = 3.0
"""A step that takes so many times what was expected, or more, counts as that: one that another process
interrupted says little, and ten in a row say enough. In the first steps the guess is what is wrong."""
_FIRST_MOST = 1000.0
_FIRST_STEPS = 5
_LEAST_MS = 1e-3
_TINY = 1e-30


@dataclass(frozen=True, slots=True)
class StepSize:
    """What is in a step: tokens of prompts and of answers, and the sum of all their positions."""

    prompt_tokens: int = 0
    answer_tokens: int = 0
    depth: int = 0

    @property
    def terms(self) -> tuple[float, float, float, float]:
        return 1.0, self.prompt_tokens, self.answer_tokens, self.depth / 1000


class StepCost:
    """Learns from every step; `milliseconds` says what one will cost. No cost is ever negative.

    Four numbers are fitted without numpy: its calls would take longer than all of the arithmetic.
    """

    __slots__ = ("_covariance", "_num_steps", "_positive", "_rates", "_speed")

    def __init__(self) -> None:
        self._rates = list(_FIRST)
        self._positive = list(_FIRST)  # the rates, but none below 0
        places = range(len(_FIRST))
        self._covariance = [[(i == j) * (_DOUBT * _FIRST[i]) ** 2 for j in places] for i in places]
        self._speed = 1.0
        self._num_steps = 0

    def milliseconds(self, size: StepSize) -> float:
        return max(self._speed * self._relative(size), _LEAST_MS)

    def prompt_tokens(self, budget_ms: float, size: StepSize, depth: int) -> int:
        """How many tokens of a prompt, the first at position `depth`, fit into a step of `budget_ms` beside
        what is in it already; 0 for none."""
        each = self._relative(StepSize(1, 0, depth)) - self._relative(StepSize())
        left = budget_ms - self.milliseconds(size)
        return max(0, int(left / max(self._speed * each, _LEAST_MS)))

    def observe(self, size: StepSize, milliseconds: float) -> None:
        """Learn that a step of this size took so long."""
        self._num_steps += 1
        most = _FIRST_MOST if self._num_steps <= _FIRST_STEPS else _MOST
        relative = self._relative(size)
        ratio = min(max(milliseconds / max(self._speed * relative, _LEAST_MS), 1 / most), most)
        self._fit(size, relative, ratio)
        self._speed *= math.exp(max(_SPEED, 1 / self._num_steps) * math.log(ratio))

    def _relative(self, size: StepSize) -> float:
        return max(_dot(self._positive, size.terms), _LEAST_MS)

    def _fit(self, size: StepSize, relative: float, ratio: float) -> None:
        """Move the rates to what would have been expected `ratio` times as dear as `relative`, which was.

        In parts of what was expected the noise is the same for every step.
        """
        terms = [term / relative for term in size.terms]
        spread = [_dot(row, terms) for row in self._covariance]
        total = _FORGETTING * _NOISE + _dot(terms, spread)
        error = (min(ratio, _MOST) - _dot(terms, self._rates)) / total
        self._rates = [rate + error * each for rate, each in zip(self._rates, spread, strict=True)]
        self._positive = [max(rate, 0.0) for rate in self._rates]
        covariance = [
            [(value - a * b / total) / _FORGETTING for value, b in zip(row, spread, strict=True)]
            for row, a in zip(self._covariance, spread, strict=True)
        ]
        # By forgetting, the doubt of a rate that no step shows grows for ever: it stays at what it was first.
        shrink = [
            min(_DOUBT * max(abs(rate), first / 100) / math.sqrt(max(row[i], _TINY)), 1.0)
            for i, (rate, first, row) in enumerate(zip(self._rates, _FIRST, covariance, strict=True))
        ]
        self._covariance = [
            [value * a * b for value, b in zip(row, shrink, strict=True)]
            for row, a in zip(covariance, shrink, strict=True)
        ]


def _dot(a: Numbers[float], b: Numbers[float]) -> float:
    total: float = sum(map(mul, a, b))
    return total
