"""What a machine without a GPU can say of training on one."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from benchmarks import training_step_gpu
from benchmarks.training_step_gpu import Row, measure, table
from tests.training.tiny_run import RECIPE
from training.train import Recipe, flops_per_token


def test_without_a_gpu_it_says_so_and_fails(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert training_step_gpu.main([]) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "needs a CUDA device" in printed.err


def test_it_counts_the_tokens_of_the_recipe_in_rows_of_any_length(tmp_path: Path) -> None:
    (tmp_path / "recipe.toml").write_text(RECIPE)
    recipe = Recipe.from_file(tmp_path / "recipe.toml")
    found = measure(recipe, 512, 1, False, 1e15, torch.device("cpu"))
    assert (found.row, found.micro_rows) == (512, 8)
    # tokens_per_s is rounded to whole ones.
    flops = flops_per_token(recipe.config(), 512) * found.tokens_per_s
    assert found.tflops == pytest.approx(flops / 1e12, rel=0.05)
    assert found.share == pytest.approx(found.tflops / 1000)


def test_the_table_has_a_line_a_row() -> None:
    lines = table([Row(1024, 64, 400_000, 153.0, 0.251, 31.0)]).splitlines()
    assert lines[2] == "| 1024 | 64 | 400000 | 153.0 | 25.1% | 31.0 |"
    assert len({line.count("|") for line in lines}) == 1
