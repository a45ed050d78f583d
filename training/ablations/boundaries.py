"""Claim: tokens at syntax boundaries deserve more weight in the loss than the rest of a middle.

A boundary is a token with a line end or a bracket in it. The weights of a run's middles keep their sum, so
that a middle counts as much as before against what is around it; its end keeps its own weight.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from training.ablations.arm import Arm, Claim, Result
from training.ablations.ordinary import ORDINARY, ordinary_rows, train_on
from training.ablations.rows import tokenizer_of
from training.ablations.setting import Setting
from training.row_format import MIDDLE_WEIGHT

RATIO = 2.0
_BOUNDARIES = frozenset("\n()[]{}")


def boundary_tokens(tokenizer: Tokenizer) -> NDArray[np.bool_]:
    """(vocab_size,): whether a token holds a boundary."""
    texts = (tokenizer.decode([token]) for token in range(tokenizer.get_vocab_size()))
    return np.array([not _BOUNDARIES.isdisjoint(text) for text in texts])


def heavier(
    ids: NDArray[np.uint16], weights: NDArray[np.uint8], boundary: NDArray[np.bool_]
) -> NDArray[np.float32]:
    """The weights of rows, a boundary in a middle `RATIO` times as heavy as what else is in it."""
    middle = weights == MIDDLE_WEIGHT
    heavy = middle & boundary[ids]
    total, at_boundaries = int(middle.sum()), int(heavy.sum())
    result = weights.astype(np.float32)
    unit = MIDDLE_WEIGHT * total / max(1.0, total + (RATIO - 1) * at_boundaries)
    result[middle] = unit
    result[heavy] = RATIO * unit
    return result


def rows(setting: Setting, seed: int) -> tuple[NDArray[np.uint16], NDArray[np.float32]]:
    ids, weights = ordinary_rows(setting, seed)
    return ids, heavier(ids, weights, boundary_tokens(tokenizer_of(setting)))


def run(setting: Setting, seed: int, folder: Path) -> Result:
    return train_on(setting, seed, folder, lambda: rows(setting, seed))


CLAIM = Claim("boundaries", ORDINARY, Arm("heavy boundaries", run))
