"""A corpus of standard modules and a recipe small enough to train in a test."""

from __future__ import annotations

import bisect
import heapq
import json
import shlex
import string
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.training.tiny_run import recipe_text
from training.ablations.setting import Setting

RECIPE = recipe_text(
    ("num_hidden_layers = 2", "num_hidden_layers = 1"),
    ("rows_per_step = 4", "rows_per_step = 2"),
    ("z_weight = 0.01", "z_weight = 0.0001"),
)
DOCTESTED = '''
def double(number):
    """
    >>> double(4)
    8
    """
    twice = number * 2
    return twice
'''


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("corpus")
    modules = {"train": (bisect, heapq, shlex, string), "heldout": (textwrap,)}
    for split, members in modules.items():
        texts = {f"{module.__name__}.py": Path(str(module.__file__)).read_text() for module in members}
        if split == "train":
            texts |= {f"double_{number}.py": DOCTESTED for number in range(9)}
        lines = [json.dumps({"source": "a", "path": path, "text": text}) for path, text in texts.items()]
        (folder / f"{split}.jsonl").write_text("\n".join(lines) + "\n")
    return folder


@pytest.fixture
def make_setting(corpus: Path, tokenizer_json: str, tmp_path: Path) -> Callable[..., Setting]:
    """make_setting(**changes): six steps of two rows, eager, without native kernels."""

    def make(**changes: Any) -> Setting:
        tokenizer, recipe = tmp_path / "tokenizer.json", tmp_path / "recipe.toml"
        tokenizer.write_text(tokenizer_json)
        recipe.write_text(RECIPE)
        fields: dict[str, Any] = {
            "corpus": corpus, "tokenizer": tokenizer, "out": tmp_path / "out", "tokens": 6 * 2 * 512,
            "recipe": recipe, "cursors": 2, "gaps": 3, "held_out_tokens": 3000, "compiled": False,
            "kernels": "torch", **changes,
        }  # fmt: skip
        return Setting(**fields)

    return make
