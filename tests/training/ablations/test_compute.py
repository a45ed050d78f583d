from __future__ import annotations

import pytest

from inference.models.config import Qwen3MoeConfig
from training.ablations.compute import forward_flops, tokens_for, training_flops, whole_steps
from training.ablations.setting import TRAINING
from training.row_format import ROW
from training.train import Recipe, flops_per_token


@pytest.fixture(scope="module")
def config() -> Qwen3MoeConfig:
    return Recipe.from_file(TRAINING / "ablations" / "tiny.toml").config()


def test_whole_rows_cost_what_the_trainer_says(config: Qwen3MoeConfig) -> None:
    assert training_flops(config, 1000) == pytest.approx(1000 * flops_per_token(config, ROW))
    assert forward_flops(config, 1000) == pytest.approx(1000 * flops_per_token(config, ROW) / 3)


def test_short_rows_and_few_predictions_cost_less(config: Qwen3MoeConfig) -> None:
    whole = training_flops(config, 1)
    short, few = training_flops(config, 1, length=256), training_flops(config, 1, share=0.25)
    assert whole - short == pytest.approx(6 * 4 * 256 * 3 * 64)
    assert whole - few == pytest.approx(0.75 * 6 * 8192 * 160)


def test_a_budget_pays_for_whole_steps() -> None:
    assert tokens_for(10.0, 3.0, 512) == 3 * 512
    assert tokens_for(3.0 * 0.1 * 10, 0.1 * 10, 512) == 3 * 512, "no step is lost to rounding"
    assert whole_steps(1000, 512) == 512
    assert whole_steps(10, 512) == 512
    with pytest.raises(ValueError, match="less than one step"):
        tokens_for(1.0, 3.0, 512)


def test_the_tiny_recipe_is_tiny_and_fit_for_native_kernels(config: Qwen3MoeConfig) -> None:
    active = (flops_per_token(config, ROW) - 6 * 4 * 512 * 3 * 64) / 6
    assert 1e6 < active < 2.1e6
    assert all(size % 32 == 0 for size in (config.hidden_size, config.head_dim, config.expert_size))
