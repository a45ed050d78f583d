"""From logits to one token: greedy, or by temperature and nucleus."""

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

    def draw(self, logits: Logits, allowed: TokenIds) -> tuple[int, float]:
        """A token among `allowed`, and the log of its probability among them at temperature 1.

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
        index = int(scores.argmax()) if self._temperature <= 0 else self._nucleus(scores)
        return int(allowed[index]), float(scores[index]) - log_total

    def _nucleus(self, scores: npt.NDArray[np.float64]) -> int:
        probabilities = np.exp(scores / self._temperature)
        probabilities /= probabilities.sum()
        order = np.argsort(-probabilities, kind="stable")
        cumulative = np.cumsum(probabilities[order])
        # The token that crosses top_p belongs to the nucleus, so it is never empty.
        size = min(int(np.searchsorted(cumulative, self._top_p, side="left")) + 1, len(order))
        pick = self._random.random() * cumulative[size - 1]
        return int(order[min(int(np.searchsorted(cumulative, pick, side="right")), size - 1)])
