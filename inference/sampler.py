"""From logits to tokens: the likeliest, or one by temperature and nucleus."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from inference.model import Logits, ModelError

TokenIds = npt.NDArray[np.int64]


class Sampler:
    """Draws the tokens of one request.

    Args:
        temperature: 0 takes the likeliest token.
        top_p: draw among the likeliest tokens that together hold this much probability (arXiv 1904.09751).
        seed: equal seeds and logits give equal tokens.
    """

    __slots__ = ("_random", "_temperature", "_top_p")

    def __init__(self, temperature: float = 0.0, top_p: float = 1.0, seed: int = 0) -> None:
        self._temperature = temperature
        self._top_p = top_p
        self._random = np.random.default_rng(seed)

    def draw(self, logits: Logits, allowed: TokenIds, count: int = 1) -> list[tuple[int, float]]:
        """A token among `allowed`, and the log of its probability among them at temperature 1.

        At temperature 0 the `count` likeliest, best first, as far as there are as many.

        Raises:
            ModelError: the logits hold no finite maximum (NaN or infinity from broken weights), or nothing
                is allowed (a vocabulary that lacks a byte).
        """
        if not len(allowed):
            raise ModelError("no token of the vocabulary spells the text before the cursor")
        scores = logits[allowed].astype(np.float64)
        top = float(scores.max())
        if not np.isfinite(top):
            raise ModelError("the model computed logits that are not finite")
        scores -= top
        log_total = float(np.log(np.exp(scores).sum()))
        indices = _likeliest(scores, count) if self._temperature <= 0 else [self._nucleus(scores)]
        return [(int(allowed[index]), float(scores[index]) - log_total) for index in indices]

    def _nucleus(self, scores: npt.NDArray[np.float64]) -> int:
        probabilities = np.exp(scores / self._temperature)
        probabilities /= probabilities.sum()
        order = np.argsort(-probabilities, kind="stable")
        cumulative = np.cumsum(probabilities[order])
        # The token that crosses top_p belongs to the nucleus, so it is never empty.
        size = min(int(np.searchsorted(cumulative, self._top_p, side="left")) + 1, len(order))
        pick = self._random.random() * cumulative[size - 1]
        return int(order[min(int(np.searchsorted(cumulative, pick, side="right")), size - 1)])


def _likeliest(scores: npt.NDArray[np.float64], count: int) -> list[int]:
    """Indices of the `count` highest scores, highest first."""
    if count == 1:
        return [int(scores.argmax())]
    best = np.argpartition(-scores, min(count, len(scores)) - 1)[:count]
    return [int(index) for index in best[np.argsort(-scores[best], kind="stable")]]
