"""A config.json from elsewhere: taken whole, or refused in a sentence."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from inference.model import ModelError
from inference.models.config import Qwen3MoeConfig

GOOD: dict[str, Any] = {
    "architectures": ["Qwen3MoeForCausalLM"],
    "vocab_size": 64,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "num_experts": 4,
    "num_experts_per_tok": 2,
    "moe_intermediate_size": 24,
    "max_position_embeddings": 512,
}


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"architectures": ["LlamaForCausalLM"]}, "runs Qwen3MoeForCausalLM; the checkpoint says Llama"),
        ({"architectures": 5}, "architectures must be a list"),
        ({"hidden_size": "32"}, "hidden_size must be a positive integer"),
        ({"num_hidden_layers": 0}, "num_layers must be a positive integer"),
        ({"num_key_value_heads": 3}, "do not divide"),
        ({"num_experts_per_tok": 9}, "top-9 of only 4"),
        ({"head_dim": 7}, "must be even"),
        ({"rms_norm_eps": "abc"}, "abc"),
        ({"rope_theta": math.inf}, "rope_theta"),
        ({"rope_theta": 1.0}, "rope_theta"),
        ({"dtype": "int8"}, "int8"),
        ({"attention_bias": True}, "attention_bias"),
        ({"decoder_sparse_step": 2}, "without experts"),
        ({"rope_scaling": {"type": "linear", "factor": 2}}, "only yarn"),
        ({"rope_scaling": {"type": "yarn", "factor": "x"}}, "x"),
        ({"rope_scaling": {"type": "yarn", "factor": 1e9}}, "out of range"),
        (
            {"rope_scaling": {"type": "yarn", "factor": 2, "original_max_position_embeddings": math.inf}},
            "infinity",
        ),
        ({"rope_scaling": {"type": "yarn", "factor": 2, "attention_factor": "x"}}, "not a positive number"),
        ({"rope_scaling": {"type": "yarn", "factor": 2, "beta_fast": -1}}, "not a positive number"),
        ({"rope_scaling": [2]}, "must be an object"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, change: dict[str, Any], complaint: str) -> None:
    path = tmp_path / "config.json"
    path.write_text(json.dumps(GOOD | change))
    with pytest.raises(ModelError, match=complaint) as caught:
        Qwen3MoeConfig.from_file(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("text", ["", "[]", "{", "[" * 100_000, '{"vocab_size": NaN}'])
def test_what_is_no_config_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "config.json"
    path.write_text(text)
    with pytest.raises(ModelError):
        Qwen3MoeConfig.from_file(path)


@pytest.mark.parametrize("missing", ["vocab_size", "num_experts", "moe_intermediate_size"])
def test_a_missing_field_is_named(missing: str) -> None:
    with pytest.raises(ModelError, match=f"{missing} is missing"):
        Qwen3MoeConfig.from_json({name: value for name, value in GOOD.items() if name != missing})


def test_rope_is_read_in_both_forms() -> None:
    old = GOOD | {"rope_theta": 1e6, "rope_scaling": {"type": "yarn", "factor": 4.0}}
    new = GOOD | {"rope_parameters": {"rope_theta": 1e6, "rope_type": "yarn", "factor": 4.0}}
    first, second = Qwen3MoeConfig.from_json(old), Qwen3MoeConfig.from_json(new)
    assert first == second
    assert first.rope_scaling is not None
    assert first.rope_scaling.original_max_position == 512
    assert first.rope_scaling.attention_scale == pytest.approx(0.1 * math.log(4) + 1)
