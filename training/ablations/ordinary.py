"""The control of what is tried from random weights: shuffled examples, uniform weights, one pass."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from training.ablations.arm import Arm, Result
from training.ablations.compute import training_flops, whole_steps
from training.ablations.recipes import from_scratch
from training.ablations.rows import AnyWeights, Packed, draw, prepared, shuffled, write_rows
from training.ablations.setting import Setting
from training.ablations.training_arm import train_arm
from training.examples import pack
from training.row_format import ROW


def ordinary_rows(setting: Setting, seed: int) -> Packed:
    return pack(shuffled(draw(setting, seed), seed))


def ordinary_data(setting: Setting, seed: int) -> Path:
    """The folder of the rows that others are told from."""
    folder = setting.out / f"rows-ordinary-{seed}"
    return prepared(setting, folder, lambda partial: write_rows(partial, *ordinary_rows(setting, seed)))


def train_on(
    setting: Setting, seed: int, folder: Path, rows: Callable[[], tuple[NDArray[np.uint16], AnyWeights]]
) -> Result:
    """An arm from random weights that has other rows, and nothing else, than the ordinary one."""
    data = prepared(setting, folder / "data", lambda partial: write_rows(partial, *rows()))
    return _train(setting, seed, folder, data)


def _train(setting: Setting, seed: int, folder: Path, data: Path) -> Result:
    recipe = from_scratch(setting, seed)
    tokens = whole_steps(setting.tokens, recipe.training.rows_per_step * ROW)
    return train_arm(setting, seed, folder, data, recipe, tokens, training_flops(recipe.config(), tokens))


def run(setting: Setting, seed: int, folder: Path) -> Result:
    return _train(setting, seed, folder, ordinary_data(setting, seed))


ORDINARY = Arm("ordinary", run)
