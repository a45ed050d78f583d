"""The operations that most of a training step is spent in, by torch or in native code."""

from __future__ import annotations

from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from inference.models.config import Qwen3MoeConfig
from training import native_library, native_ops
from training.causal_attention import causal_attention
from training.cross_entropy import weighted_cross_entropy
from training.grouped_experts import grouped_experts


class Operations(Protocol):
    """Letters as in inference/models/qwen3_moe.py, with B rows of T tokens and N = B * T."""

    @property
    def name(self) -> str:
        """What computes."""
        ...

    def linear(self, x: Tensor, w: Tensor) -> Tensor:
        """(..., in), (out, in) → (..., out)."""
        ...

    def causal_attention(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """(B, T, h, c), (B, T, g, c) twice → (B, T, h, c)."""
        ...

    def grouped_experts(self, x: Tensor, gate_up: Tensor, down: Tensor, experts: Tensor) -> Tensor:
        """(N, d), (E, 2i, d), (E, d, i), (N, k) int64 → (N * k, d)."""
        ...

    def weighted_cross_entropy(self, x: Tensor, head: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
        """(N, d), (V, d), (N,), (N,) → the weighted mean."""
        ...


class TorchOperations:
    """On any device, in any precision. `compiled`: element-wise parts through torch.compile."""

    def __init__(self, compiled: bool) -> None:
        self._compiled = compiled
        self.name = "torch, compiled" if compiled else "torch"

    def linear(self, x: Tensor, w: Tensor) -> Tensor:
        return F.linear(x, w)

    def causal_attention(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        shared = q.shape[2] // k.shape[2]
        q, k, v = (x.transpose(1, 2) for x in (q, k, v))
        k, v = (x.repeat_interleave(shared, 1) for x in (k, v))
        return causal_attention(q, k, v, self._compiled).transpose(1, 2)

    def grouped_experts(self, x: Tensor, gate_up: Tensor, down: Tensor, experts: Tensor) -> Tensor:
        return grouped_experts(x, gate_up, down, experts, self._compiled)

    def weighted_cross_entropy(self, x: Tensor, head: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
        return weighted_cross_entropy(x, head, targets, weights, self._compiled)


class NativeOperations:
    """In AMX tiles, bfloat16 on the CPU.

    Raises:
        RuntimeError: this machine cannot run them.
    """

    name = "native, AMX"

    def __init__(self) -> None:
        native_library.library()
        self.linear = native_ops.linear
        self.causal_attention = native_ops.causal_attention
        self.grouped_experts = native_ops.grouped_experts
        self.weighted_cross_entropy = native_ops.weighted_cross_entropy


def why_not_native(config: Qwen3MoeConfig, length: int, dtype: torch.dtype) -> str | None:
    """What keeps a model trained on rows of `length` tokens from native operations here, or None."""
    if dtype != torch.bfloat16:
        return f"{dtype} instead of bfloat16"
    sizes = {
        "hidden_size": config.hidden_size,
        "head_dim": config.head_dim,
        "moe_intermediate_size": config.expert_size,
        "the length of a row": length,
    }
    for name, size in sizes.items():
        if size % native_library.MULTIPLE:
            return f"{name} is {size}, not a multiple of {native_library.MULTIPLE}"
    if config.vocab_size % native_library.VOCABULARY_MULTIPLE:
        return f"vocab_size is not a multiple of {native_library.VOCABULARY_MULTIPLE}"
    return native_library.missing()
