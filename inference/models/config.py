"""What a Qwen3-MoE checkpoint says of its own shape, read once and checked whole."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from inference.json_file import read_json
from inference.model import ModelError

ARCHITECTURE = "Qwen3MoeForCausalLM"
MAX_CONTEXT = 1 << 20
"""Positions: the longest that a Qwen3 claims with YaRN. Tables of angles are as long."""


@dataclass(frozen=True, slots=True)
class RopeScaling:
    """YaRN (arXiv 2309.00071): `factor` times the `original_max_position` the model was trained on."""

    factor: float
    original_max_position: int
    beta_fast: float = 32.0
    beta_slow: float = 1.0
    attention_factor: float | None = None

    def __post_init__(self) -> None:
        scale = 1.0 if self.attention_factor is None else self.attention_factor
        for value in (self.factor, self.beta_fast, self.beta_slow, scale):
            if not (isinstance(value, (int, float)) and math.isfinite(value) and value > 0):
                raise ModelError(f"yarn: {value!r} is not a positive number")
        if not 0 < self.original_max_position < 1 << 31:
            raise ModelError(f"yarn: original_max_position_embeddings {self.original_max_position} is off")

    @property
    def attention_scale(self) -> float:
        """What cos and sin are multiplied with: 0.1 ln(factor) + 1 unless the config names it."""
        if self.attention_factor is not None:
            return self.attention_factor
        return 0.1 * math.log(self.factor) + 1.0 if self.factor > 1 else 1.0


@dataclass(frozen=True, slots=True)
class Qwen3MoeConfig:
    """The subset of a Hugging Face `Qwen3MoeConfig` that decides a forward pass."""

    vocab_size: int
    hidden_size: int
    num_layers: int
    num_heads: int
    num_kv_heads: int
    head_dim: int
    num_experts: int
    experts_per_token: int
    expert_size: int
    max_position: int
    norm_topk_prob: bool = True
    rms_norm_eps: float = 1e-6
    rope_theta: float = 10_000.0
    rope_scaling: RopeScaling | None = None
    tie_word_embeddings: bool = False
    dtype: Literal["bfloat16", "float16", "float32"] = "bfloat16"

    def __post_init__(self) -> None:
        for name in (
            "vocab_size", "hidden_size", "num_layers", "num_heads", "num_kv_heads", "head_dim",
            "num_experts", "experts_per_token", "expert_size", "max_position",
        ):  # fmt: skip
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or not 0 < value < 1 << 31:
                raise ModelError(f"{name} must be a positive integer, not {value!r}")
        if self.num_heads % self.num_kv_heads:
            raise ModelError(f"{self.num_heads} query heads do not divide into {self.num_kv_heads} kv heads")
        if self.experts_per_token > self.num_experts:
            raise ModelError(f"top-{self.experts_per_token} of only {self.num_experts} experts")
        if self.head_dim % 2:
            raise ModelError(f"head_dim must be even for rotary positions, not {self.head_dim}")
        if not (math.isfinite(self.rope_theta) and self.rope_theta > 1 and 0 < self.rms_norm_eps < 1):
            raise ModelError(f"rope_theta {self.rope_theta} or rms_norm_eps {self.rms_norm_eps} is off")
        if self.context_length > MAX_CONTEXT:
            raise ModelError(f"a context of {self.context_length} tokens, the limit is {MAX_CONTEXT}")
        if self.dtype not in ("bfloat16", "float16", "float32"):
            raise ModelError(f"dtype {self.dtype!r} is not one of bfloat16, float16, float32")

    @property
    def context_length(self) -> int:
        """Positions the model can tell apart; YaRN stretches the original ones."""
        if self.rope_scaling is None:
            return self.max_position
        return max(self.max_position, int(self.rope_scaling.factor * self.rope_scaling.original_max_position))

    @classmethod
    def from_file(cls, path: Path) -> Qwen3MoeConfig:
        """Read `config.json`.

        Raises:
            ModelError: naming the file, and what is missing, malformed, of another architecture or
                contradictory.
        """
        data = read_json(path)
        try:
            return cls.from_json(data)
        except ModelError as error:
            raise ModelError(f"{path}: {error}") from error

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Qwen3MoeConfig:
        """Take a parsed config.json, of transformers 4 (`rope_theta`) or 5 (`rope_parameters`).

        Raises ModelError.
        """
        architectures = data.get("architectures") or []
        if not isinstance(architectures, list):
            raise ModelError(f"architectures must be a list, not {architectures!r}")
        if ARCHITECTURE not in architectures and data.get("model_type") != "qwen3_moe":
            found = ", ".join(map(str, architectures)) or str(data.get("model_type", "nothing"))
            raise ModelError(f"this engine runs {ARCHITECTURE}; the checkpoint says {found}")
        if data.get("decoder_sparse_step", 1) != 1 or data.get("mlp_only_layers"):
            raise ModelError(
                "layers without experts (decoder_sparse_step, mlp_only_layers) are not supported"
            )
        if data.get("attention_bias"):
            raise ModelError("attention_bias is not supported")
        if data.get("hidden_act", "silu") != "silu":
            raise ModelError(f"hidden_act {data['hidden_act']!r} is not supported, only silu")
        if data.get("use_sliding_window"):
            raise ModelError("sliding-window attention is not supported")
        rope = data.get("rope_parameters") or data.get("rope_scaling") or {}
        if not isinstance(rope, dict):
            raise ModelError("rope_parameters must be an object")
        try:
            return cls(
                vocab_size=data["vocab_size"],
                hidden_size=data["hidden_size"],
                num_layers=data["num_hidden_layers"],
                num_heads=data["num_attention_heads"],
                num_kv_heads=data["num_key_value_heads"],
                head_dim=data.get("head_dim") or data["hidden_size"] // data["num_attention_heads"],
                # transformers 5 writes num_local_experts for what everyone else calls num_experts.
                num_experts=data["num_local_experts"] if "num_local_experts" in data else data["num_experts"],
                experts_per_token=data["num_experts_per_tok"],
                expert_size=data["moe_intermediate_size"],
                max_position=data["max_position_embeddings"],
                norm_topk_prob=bool(data.get("norm_topk_prob", False)),
                rms_norm_eps=float(data.get("rms_norm_eps", 1e-6)),
                rope_theta=float(rope.get("rope_theta") or data.get("rope_theta") or 10_000.0),
                rope_scaling=_rope_scaling(rope, data["max_position_embeddings"]),
                tie_word_embeddings=bool(data.get("tie_word_embeddings", False)),
                dtype=data.get("dtype") or data.get("torch_dtype") or "bfloat16",
            )
        except KeyError as error:
            raise ModelError(f"{error.args[0]} is missing") from error
        except (TypeError, ValueError, OverflowError, ZeroDivisionError) as error:
            raise ModelError(str(error)) from error


def _rope_scaling(rope: dict[str, Any], max_position: int) -> RopeScaling | None:
    kind = rope.get("rope_type") or rope.get("type") or "default"
    if kind == "default":
        return None
    if kind != "yarn":
        raise ModelError(f"rope scaling {kind!r} is not supported, only yarn")
    factor = float(rope.get("factor", 0))
    if not 1 <= factor <= 1024:
        raise ModelError(f"yarn factor {factor} is out of range")
    return RopeScaling(
        factor=factor,
        original_max_position=int(rope.get("original_max_position_embeddings") or max_position),
        beta_fast=float(rope.get("beta_fast") or 32.0),
        beta_slow=float(rope.get("beta_slow") or 1.0),
        attention_factor=rope.get("attention_factor"),
    )
