"""A checkpoint's tensors as the native forward pass reads them. Needs no torch."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from inference.models.checkpoint import checked_entries
from inference.models.config import Qwen3MoeConfig
from inference.models.rope import rotation
from inference.models.tensor_entry import Bits
from kernels.cpu.interface import Native

Tensors = dict[str, npt.NDArray[np.generic]]


def native_weights(path: Path, config: Qwen3MoeConfig, context_length: int, native: Native) -> Tensors:
    """Every tensor that kernels/cpu/bindings.cpp asks for.

    Raises:
        ModelError: the checkpoint does not fit the config, or cannot be read.
    """
    entries = checked_entries(path, config)

    def read(name: str) -> Bits:
        return entries[name].bfloat16()

    def read_all(prefix: str, names: tuple[str, ...]) -> Bits:
        return np.concatenate([read(f"{prefix}{name}.weight") for name in names])

    cos, sin = rotation(config, context_length)
    tensors: Tensors = {
        "embedding": native.pack(read("model.embed_tokens.weight")),
        "norm": _float32(read("model.norm.weight")),
        "cos": cos,
        "sin": sin,
    }
    if not config.tie_word_embeddings:
        tensors["head"] = native.pack(read("lm_head.weight"))
    for layer in range(config.num_layers):
        tensors |= {
            f"layers.{layer}.{name}": tensor
            for name, tensor in _layer(f"model.layers.{layer}.", config, native, read, read_all).items()
        }
    return tensors


def _layer(
    at: str,
    config: Qwen3MoeConfig,
    native: Native,
    read: Callable[[str], Bits],
    read_all: Callable[[str, tuple[str, ...]], Bits],
) -> Tensors:
    experts = [f"{at}mlp.experts.{expert}." for expert in range(config.num_experts)]
    gate_up = np.concatenate([read_all(expert, ("gate_proj", "up_proj")) for expert in experts])
    down = np.concatenate([read(f"{expert}down_proj.weight") for expert in experts])
    return {
        "input_norm": _float32(read(f"{at}input_layernorm.weight")),
        "post_norm": _float32(read(f"{at}post_attention_layernorm.weight")),
        "q_norm": _float32(read(f"{at}self_attn.q_norm.weight")),
        "k_norm": _float32(read(f"{at}self_attn.k_norm.weight")),
        "router": _float32(read(f"{at}mlp.gate.weight")),
        "qkv": native.pack(read_all(f"{at}self_attn.", ("q_proj", "k_proj", "v_proj"))),
        "o": native.pack(read(f"{at}self_attn.o_proj.weight")),
        "gate_up": native.pack(gate_up, config.expert_size),
        "down": native.pack(down),
    }


def _float32(bits: Bits) -> npt.NDArray[np.float32]:
    return (bits.astype(np.uint32) << 16).view(np.float32)
