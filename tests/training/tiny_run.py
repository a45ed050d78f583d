"""A recipe and rows that a CPU trains on in no time."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from training.ranks import Ranks
from training.train import Recipe, Run

ROW = 64
RECIPE = """
[model]
vocab_size = 64
hidden_size = 32
num_hidden_layers = 2
num_attention_heads = 2
num_key_value_heads = 1
head_dim = 16
num_experts = 4
num_experts_per_tok = 2
moe_intermediate_size = 24
max_position_embeddings = 1024
norm_topk_prob = true
tie_word_embeddings = true

[training]
seed = 1
rows_per_step = 4
warmup_steps = 2
decay_share = 0.5
balance_weight = 0.01
z_weight = 0.01

[optimizer]
adam_lr = 0.01
muon_lr = 0.02
"""


def write_rows(folder: Path, row: int = ROW) -> Path:
    """Rows that count up from a random start, every other two five times as heavy as the next two."""
    folder.mkdir(exist_ok=True)
    rng = np.random.default_rng(0)
    for split, rows in (("train", 18), ("heldout", 8)):
        starts = rng.integers(0, 64, (rows, 1))
        np.save(folder / f"{split}_ids.npy", ((starts + np.arange(row + 1)) % 64).astype(np.uint16))
        weights = np.where(np.arange(rows)[:, None] // 2 % 2, 5, 1) * np.ones((1, row + 1))
        np.save(folder / f"{split}_weights.npy", weights.astype(np.uint8))
    return folder


def recipe_text(*changes: tuple[str, str]) -> str:
    """RECIPE with each (old, new) of `changes`."""
    text = RECIPE
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return text


def new_run(
    folder: Path,
    data: Path,
    steps: int,
    *changes: tuple[str, str],
    long_data: Path | None = None,
    ranks: Ranks | None = None,
) -> Run:
    """A run of `steps` with `changes` (old, new) to the recipe, in one process unless told otherwise."""
    folder.mkdir(exist_ok=True)
    (folder / "recipe.toml").write_text(recipe_text(*changes))
    recipe = Recipe.from_file(folder / "recipe.toml")
    tokens = steps * recipe.training.rows_per_step * ROW
    return Run(folder, recipe, data, tokens, compiled=False, long_data=long_data, ranks=ranks)
