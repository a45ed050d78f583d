"""From logits to tokens: the likeliest, or one by temperature and nucleus.

The likeliest are found by native code (`kernels/cpu/choose.h`) where it was built: over 8,192 logits it takes
15 µs instead of 120.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

from inference.copying import Copies
from inference.model import Logits, ModelError
from kernels.cpu import available, native
from kernels.cpu.interface import Choose

TokenIds = npt.NDArray[np.int64]
NONE: TokenIds = np.empty(0, dtype=np.int64)


class Sampler:
    """Draws the tokens of one request.

    Args:
        temperature: 0 takes the likeliest token.
        top_p: draw among the likeliest tokens that together hold this much probability (arXiv 1904.09751).
        seed: equal seeds and logits give equal tokens.
    """

    __slots__ = ("_random", "_seed", "_temperature", "_top_p")

    def __init__(self, temperature: float = 0.0, top_p: float = 1.0, seed: int = 0) -> None:
        self._temperature = temperature
        self._top_p = top_p
        self._seed = seed
        self._random: np.random.Generator | None = (
            None  # made when it is needed: it takes as long as a choice
        )

    def draw(
        self,
        logits: Logits,
        allowed: TokenIds | None,
        count: int = 1,
        *,
        forbidden: TokenIds = NONE,
        copies: Copies | None = None,
    ) -> list[tuple[int, float]]:
        """A token among `allowed`, and the log of its probability among them at temperature 1.

        At temperature 0 the `count` likeliest, best first, as far as there are as many.

        Args:
            logits: (vocab_size,).
            allowed: None for all that are not `forbidden`.
            copies: mixed into what the logits say.

        Raises:
            ModelError: a logit is NaN or infinity (broken weights), or nothing is allowed (a vocabulary that
                lacks a byte).
        """
        num_allowed = len(logits) - len(forbidden) if allowed is None else len(allowed)
        if not num_allowed:
            raise ModelError("no token of the vocabulary spells the text before the cursor")
        choose = _native() if self._temperature <= 0 else None
        if choose is None:
            found = self._by_numpy(logits, allowed, count, forbidden, copies)
        elif copies is None:
            found = choose(logits, allowed, forbidden, count)
        else:
            found = choose(
                logits, allowed, forbidden, count,
                copies.tokens, copies.shares, copies.line_ends, copies.weight, copies.end,
            )  # fmt: skip
        if not found:
            raise ModelError("the model computed logits that are not finite")
        return found

    def _by_numpy(
        self,
        logits: Logits,
        allowed: TokenIds | None,
        count: int,
        forbidden: TokenIds,
        copies: Copies | None,
    ) -> list[tuple[int, float]]:
        """Nothing if the logits are broken."""
        if not np.isfinite(logits.max()):
            return []
        if allowed is None:
            allowed = np.delete(np.arange(len(logits)), forbidden)
        scores = (copies.mixed_into(logits) if copies else logits)[allowed].astype(np.float64)
        top = float(scores.max())
        if not np.isfinite(top):
            return []
        scores -= top
        log_total = float(np.log(np.exp(scores).sum()))
        if self._temperature <= 0:
            indices = [index for index in _likeliest(scores, count) if scores[index] > -np.inf]
        else:
            indices = [self._nucleus(scores)]
        return [(int(allowed[index]), float(scores[index]) - log_total) for index in indices]

    def _nucleus(self, scores: npt.NDArray[np.float64]) -> int:
        probabilities = np.exp(scores / self._temperature)
        probabilities /= probabilities.sum()
        order = np.argsort(-probabilities, kind="stable")
        cumulative = np.cumsum(probabilities[order])
        # The token that crosses top_p belongs to the nucleus, so it is never empty.
        size = min(int(np.searchsorted(cumulative, self._top_p, side="left")) + 1, len(order))
        if self._random is None:
            self._random = np.random.default_rng(self._seed)
        pick = self._random.random() * cumulative[size - 1]
        return int(order[min(int(np.searchsorted(cumulative, pick, side="right")), size - 1)])


def _likeliest(scores: npt.NDArray[np.float64], count: int) -> list[int]:
    """Indices of the `count` highest scores, highest first."""
    if count == 1:
        return [int(scores.argmax())]
    best = np.sort(np.argpartition(-scores, min(count, len(scores)) - 1)[:count])
    return [int(index) for index in best[np.argsort(-scores[best], kind="stable")]]


@cache
def _native() -> Choose | None:
    return native().choose if available() else None
