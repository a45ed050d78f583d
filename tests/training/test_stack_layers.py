"""A checkpoint whose layers are there several times."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from inference.models.config import Qwen3MoeConfig
from inference.models.loader import load_weights
from training.stack_layers import main, stacked

Maker = Callable[..., Path]


def test_layers_come_again_behind_all_of_them() -> None:
    tensors = {f"model.layers.{i}.mlp.gate.weight": torch.full((2,), float(i)) for i in range(3)}
    tensors["model.norm.weight"] = torch.ones(2)
    deeper = stacked(tensors, 3)
    assert sorted(deeper) == sorted(
        ["model.norm.weight", *(f"model.layers.{i}.mlp.gate.weight" for i in range(9))]
    )
    for i in range(9):
        assert deeper[f"model.layers.{i}.mlp.gate.weight"].tolist() == [i % 3] * 2


def test_no_layers_is_an_error() -> None:
    with pytest.raises(ValueError, match="without layers"):
        stacked({"model.norm.weight": torch.ones(2)}, 2)


def test_the_deeper_checkpoint_is_one_that_training_begins_with(
    make_model_dir: Maker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    model, out = make_model_dir(num_hidden_layers=2), tmp_path / "deeper"
    monkeypatch.setattr(sys, "argv", ["stack_layers", "--model", str(model), "--out", str(out)])
    assert main() == 0
    assert "4 layers" in capsys.readouterr().out
    config = Qwen3MoeConfig.from_json(json.loads((out / "config.json").read_text()))
    weights = load_weights(out, config, torch.device("cpu"), torch.float32)
    shallow = load_file(model / "model.safetensors")
    kept = weights.get_parameter("layers.3.input_norm")
    torch.testing.assert_close(kept.detach(), shallow["model.layers.1.input_layernorm.weight"].float())


@pytest.mark.parametrize("times", ["0", "-1"])
def test_never_is_refused(times: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        sys, "argv", ["stack_layers", "--model", "m", "--times", times, "--out", str(tmp_path / "o")]
    )
    with pytest.raises(SystemExit):
        main()
