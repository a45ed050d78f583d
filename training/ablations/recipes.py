"""The recipes of the arms: a small shape from random weights, or that of weights that are there."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

from tokenizers import Tokenizer

from training.ablations.setting import Setting
from training.native_library import VOCABULARY_MULTIPLE
from training.train import Recipe

FURTHER_RATE, FURTHER_WARMUP = 0.1, 10  # of the learning rates, for weights that were trained to the end


def from_scratch(setting: Setting, seed: int) -> Recipe:
    recipe = Recipe.from_file(setting.recipe)
    size = Tokenizer.from_file(str(setting.tokenizer)).get_vocab_size()
    rounded = -(-size // VOCABULARY_MULTIPLE) * VOCABULARY_MULTIPLE
    return Recipe(
        {**recipe.model, "vocab_size": rounded}, replace(recipe.training, seed=seed), recipe.optimizer
    )


def from_weights(setting: Setting, seed: int) -> Recipe:
    """The shape of `setting.begin_with`, at low learning rates."""
    recipe = from_scratch(setting, seed)
    config = json.loads((setting.begin_with / "config.json").read_text(encoding="utf-8"))
    optimizer = replace(
        recipe.optimizer,
        adam_lr=recipe.optimizer.adam_lr * FURTHER_RATE,
        muon_lr=recipe.optimizer.muon_lr * FURTHER_RATE,
    )
    model = {name: config[name] for name in recipe.model}
    return Recipe(model, replace(recipe.training, warmup_steps=FURTHER_WARMUP), optimizer)


def write_recipe(recipe: Recipe, path: Path) -> None:
    """As `Recipe.from_file` reads it. Numbers, lists and booleans are spelled alike in JSON and TOML."""
    tables = {
        "model": recipe.model,
        "training": asdict(recipe.training),
        "optimizer": asdict(recipe.optimizer),
    }
    text = "".join(
        f"[{table}]\n" + "".join(f"{name} = {json.dumps(value)}\n" for name, value in values.items())
        for table, values in tables.items()
    )
    path.write_text(text, encoding="utf-8")
