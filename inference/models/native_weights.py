"""A checkpoint's tensors as the native forward pass reads them. Needs no torch."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from inference.models.checkpoint import checked_entries
from inference.models.config import Qwen3MoeConfig
from inference.models.safetensors_header import TensorEntry
from kernels.cpu.interface import Native

Tensors = dict[str, npt.NDArray[np.generic]]
Bits = npt.NDArray[np.uint16]


def native_weights(directory: Path, config: Qwen3MoeConfig, context_length: int, native: Native) -> Tensors:
    """Every tensor that kernels/cpu/bindings.cpp asks for.

    Raises:
        ModelError: the checkpoint does not fit the config, or cannot be read.
    """
    entries = checked_entries(directory, config)

    def read(name: str) -> Bits:
        return _bfloat16(entries[name])

    def read_all(prefix: str, names: tuple[str, ...]) -> Bits:
        return np.concatenate([read(f"{prefix}{name}.weight") for name in names])

    tensors: Tensors = {
        "embedding": native.pack(read("model.embed_tokens.weight")),
        "norm": _float32(read("model.norm.weight")),
        **rotation(config, context_length),
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


def rotation(config: Qwen3MoeConfig, length: int) -> Tensors:
    """cos and sin of every position and rotated pair, (length, head_dim / 2) float32 each, YaRN's scale
    applied (arXiv 2309.00071, section 3.2; the same numbers as inference/models/qwen3_moe.py)."""
    half, scaling = config.head_dim // 2, config.rope_scaling
    frequencies = 1.0 / config.rope_theta ** (np.arange(half, dtype=np.float32) / half)
    scale = 1.0
    if scaling is not None:
        turns = np.array([scaling.beta_fast, scaling.beta_slow])
        wavelengths = scaling.original_max_position / (turns * 2 * math.pi)
        fast, slow = half * np.log(wavelengths) / math.log(config.rope_theta)
        low, high = max(math.floor(fast), 0), min(math.ceil(slow), config.head_dim - 1)
        ramp = ((np.arange(half, dtype=np.float32) - low) / max(high - low, 0.001)).clip(0, 1)
        frequencies = frequencies / scaling.factor * ramp + frequencies * (1 - ramp)
        scale = scaling.attention_scale
    angles = np.arange(length, dtype=np.float32)[:, None] * frequencies.astype(np.float32)
    return {
        "cos": (np.cos(angles) * scale).astype(np.float32),
        "sin": (np.sin(angles) * scale).astype(np.float32),
    }


def _bfloat16(entry: TensorEntry) -> Bits:
    """The tensor rounded to bfloat16, to the nearest and to even."""
    with entry.file.open("rb") as file:
        start = 8 + int.from_bytes(file.read(8), "little")
        file.seek(start + entry.begin)
        data = file.read(entry.end - entry.begin)
    if entry.dtype == "BF16":
        return np.frombuffer(data, np.uint16).reshape(entry.shape)
    stored = np.float16 if entry.dtype == "F16" else np.float32
    bits = np.frombuffer(data, stored).astype(np.float32).view(np.uint32)
    rounded = (bits + 0x7FFF + (bits >> 16 & 1)) >> 16
    return rounded.astype(np.uint16).reshape(entry.shape)


def _float32(bits: Bits) -> npt.NDArray[np.float32]:
    return (bits.astype(np.uint32) << 16).view(np.float32)
