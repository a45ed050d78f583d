"""Qwen3-MoE: one readable file, the same class for the model that ships and for Qwen3-Coder.

Shape letters: n tokens of this pass, m tokens of context, d hidden, h query heads, g key/value heads,
c head dimension, E experts, k experts a token, i expert width, V vocabulary.
"""

from __future__ import annotations

from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from inference.models.config import Qwen3MoeConfig
from inference.models.rope import rope_frequencies
from kernels import ops


class KvCache(Protocol):
    """Keys and values of one sequence, `length` positions long."""

    @property
    def length(self) -> int: ...

    def append(self, layer: int, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Store (n, g, c) keys and values behind `length`; return all of the layer's, (length + n, g, c)."""
        ...


class Qwen3MoeLayer(nn.Module):
    """Attention with per-head QK-RMSNorm, then softmax-routed SwiGLU experts; both residual, pre-norm."""

    def __init__(self, config: Qwen3MoeConfig) -> None:
        super().__init__()
        d, c = config.hidden_size, config.head_dim
        h, g = config.num_heads, config.num_kv_heads
        self.config = config
        self.input_norm = nn.Parameter(torch.empty(d))
        self.qkv_proj = nn.Parameter(torch.empty((h + 2 * g) * c, d))
        self.q_norm = nn.Parameter(torch.empty(c))
        self.k_norm = nn.Parameter(torch.empty(c))
        self.o_proj = nn.Parameter(torch.empty(d, h * c))
        self.post_norm = nn.Parameter(torch.empty(d))
        self.router = nn.Parameter(torch.empty(config.num_experts, d))
        self.gate_up = nn.Parameter(torch.empty(config.num_experts, 2 * config.expert_size, d))
        self.down = nn.Parameter(torch.empty(config.num_experts, d, config.expert_size))

    def forward(self, x: Tensor, rotation: tuple[Tensor, Tensor], cache: KvCache, index: int) -> Tensor:
        x = x + self.attend(
            ops.rms_norm(x, self.input_norm, self.config.rms_norm_eps), rotation, cache, index
        )
        return x + self.mix_experts(ops.rms_norm(x, self.post_norm, self.config.rms_norm_eps))

    def attend(self, x: Tensor, rotation: tuple[Tensor, Tensor], cache: KvCache, index: int) -> Tensor:
        n, (h, g, c) = x.shape[0], (self.config.num_heads, self.config.num_kv_heads, self.config.head_dim)
        heads = F.linear(x, self.qkv_proj).view(n, h + 2 * g, c)
        q, k, v = torch.split(heads, [h, g, g], dim=1)
        q = ops.rope(ops.rms_norm(q, self.q_norm, self.config.rms_norm_eps), *rotation)
        k = ops.rope(ops.rms_norm(k, self.k_norm, self.config.rms_norm_eps), *rotation)
        keys, values = cache.append(index, k, v)
        return F.linear(ops.attention(q, keys, values).reshape(n, h * c), self.o_proj)

    def mix_experts(self, x: Tensor) -> Tensor:
        weights, experts = ops.route(
            x, self.router, self.config.experts_per_token, self.config.norm_topk_prob
        )
        return ops.moe_experts(x, self.gate_up, self.down, weights, experts)


class Qwen3Moe(nn.Module):
    """A decoder of `config.num_layers` layers. Parameters are uninitialised: load or draw them.

    Args:
        config: the checkpoint's shape.
        device: where parameters live; "meta" allocates nothing.
        dtype: of every parameter; the config's own when None.
    """

    def __init__(
        self, config: Qwen3MoeConfig, device: str | torch.device = "cpu", dtype: torch.dtype | None = None
    ) -> None:
        super().__init__()
        self.config = config
        with torch.device("meta"):
            self.embed_tokens = nn.Parameter(torch.empty(config.vocab_size, config.hidden_size))
            self.layers = nn.ModuleList(Qwen3MoeLayer(config) for _ in range(config.num_layers))
            self.norm = nn.Parameter(torch.empty(config.hidden_size))
            self.lm_head = (
                None if config.tie_word_embeddings else nn.Parameter(torch.empty_like(self.embed_tokens))
            )
        self.to(dtype or getattr(torch, config.dtype))
        self.to_empty(device=device)
        # Not a buffer: it stays float32 whatever the parameters' dtype.
        frequencies = torch.from_numpy(rope_frequencies(config))
        self.inverse_frequencies = frequencies.to(device if str(device) != "meta" else "cpu")

    def forward(self, input_ids: Tensor, cache: KvCache) -> Tensor:
        """Run (n,) int64 token ids behind what `cache` holds; append to it; return (n, d) hidden states."""
        start = cache.length
        positions = torch.arange(start, start + input_ids.shape[0], device=input_ids.device)
        x = F.embedding(input_ids, self.embed_tokens)
        rotation = self.rotation(positions, x.dtype)
        for index, layer in enumerate(self.layers):
            x = layer(x, rotation, cache, index)
        return ops.rms_norm(x, self.norm, self.config.rms_norm_eps)

    def logits(self, hidden: Tensor) -> Tensor:
        """(…, d) hidden states → (…, V) logits, in the parameters' dtype."""
        return F.linear(hidden, self.embed_tokens if self.lm_head is None else self.lm_head)

    def rotation(self, positions: Tensor, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
        """(n,) positions → cos and sin, (n, c/2) each; angles in float32, YaRN's scale applied."""
        angles = positions.float()[:, None] * self.inverse_frequencies
        scale = self.config.rope_scaling.attention_scale if self.config.rope_scaling else 1.0
        return (angles.cos() * scale).to(dtype), (angles.sin() * scale).to(dtype)
