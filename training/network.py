"""The forward and backward pass of training: batched, compiled, over the parameters of `Qwen3Moe`.

The engine's pass is written for a few tokens behind a cache, this one for thousands at once; both read the
same parameters, and a test holds their logits equal. Shape letters as in inference/models/qwen3_moe.py,
with B rows of T tokens and N = B * T.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from inference.models.qwen3_moe import Qwen3Moe, Qwen3MoeLayer
from training.causal_attention import causal_attention
from training.compilation import fused
from training.cross_entropy import weighted_cross_entropy
from training.grouped_experts import grouped_experts


def rms_norm(x: Tensor, weight: Tensor, eps: float) -> Tensor:
    scaled = x.float()
    return (scaled * torch.rsqrt(scaled.pow(2).mean(-1, keepdim=True) + eps)).to(x.dtype) * weight


def rope(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    first, second = x.chunk(2, -1)
    return torch.cat((first * cos - second * sin, second * cos + first * sin), -1)


def before_attention(
    x: Tensor, norm: Tensor, qkv: Tensor, q_norm: Tensor, k_norm: Tensor, cos: Tensor, sin: Tensor,
    h: int, g: int, c: int, eps: float,
) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
    """(B, T, d) → queries, keys, values, (B, h, T, c) each; key heads repeated."""
    batch, length, _ = x.shape
    y = F.linear(rms_norm(x, norm, eps), qkv)
    q, k, v = (part.view(batch, length, -1, c) for part in torch.split(y, [h * c, g * c, g * c], -1))
    q = rope(rms_norm(q, q_norm, eps).transpose(1, 2), cos, sin)
    k = rope(rms_norm(k, k_norm, eps).transpose(1, 2), cos, sin)
    k, v = (
        part[:, :, None].expand(batch, g, h // g, length, c).reshape(batch, h, length, c)
        for part in (k, v.transpose(1, 2))
    )
    return q, k, v


def after_attention(
    x: Tensor,
    attended: Tensor,
    o_proj: Tensor,
    norm: Tensor,
    router: Tensor,
    top_k: int,
    eps: float,
    renormalise: bool,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Project, add, norm and route.

    Returns:
        the residual (B, T, d), the experts' input (N, d), weights (N, k), experts (N, k), the balance loss
        of Switch Transformers (arXiv 2101.03961, eq. 4) over top-k, and the router's z-loss (2202.08906).
    """
    batch, length, d = x.shape
    x = x + F.linear(attended.transpose(1, 2).reshape(batch, length, -1), o_proj)
    y = rms_norm(x, norm, eps).view(batch * length, d)
    logits = F.linear(y, router).float()
    chances = logits.softmax(-1)
    weights, experts = chances.topk(top_k, -1)
    if renormalise:
        weights = weights / weights.sum(-1, keepdim=True)
    num_experts = router.shape[0]
    load = F.one_hot(experts, num_experts).float().mean((0, 1))
    balance = num_experts * (load.detach() * chances.mean(0)).sum()
    return x, y, weights, experts, balance, logits.logsumexp(-1).pow(2).mean()


def combine(x: Tensor, outputs: Tensor, weights: Tensor) -> Tensor:
    """Add the weighted sum of the experts' outputs, (N * k, d), to the residual."""
    mixed = (
        outputs.view(-1, weights.shape[1], outputs.shape[-1]) * weights.to(outputs.dtype)[..., None]
    ).sum(1)
    return x + mixed.view_as(x)


class TrainingNetwork:
    """Computes the loss of a batch over `model`'s parameters.

    Args:
        model: whose parameters are read; gradients land in their `.grad`.
        compiled: run the element-wise parts through torch.compile (worth 1.8x in bf16 on a CPU).
    """

    def __init__(self, model: Qwen3Moe, compiled: bool) -> None:
        self.model = model
        self._before, self._after = fused(before_attention, compiled), fused(after_attention, compiled)
        self._combine, self._rms_norm = fused(combine, compiled), fused(rms_norm, compiled)
        self._compiled = compiled

    def hidden(self, input_ids: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """(B, T) ids → (B, T, d) hidden states, balance loss, z-loss, share of the busiest expert."""
        config, model = self.model.config, self.model
        length = input_ids.shape[1]
        x = F.embedding(input_ids, model.embed_tokens)
        cos, sin = model.rotation(torch.arange(length, device=input_ids.device), x.dtype)
        balance = z_loss = torch.zeros((), device=x.device)
        busiest = torch.zeros((), device=x.device)
        for layer in model.layers:
            assert isinstance(layer, Qwen3MoeLayer)  # noqa: S101 - ModuleList forgets the type
            q, k, v = self._before(
                x, layer.input_norm, layer.qkv_proj, layer.q_norm, layer.k_norm, cos, sin,
                config.num_heads, config.num_kv_heads, config.head_dim, config.rms_norm_eps,
            )  # fmt: skip
            x, y, weights, experts, layer_balance, layer_z = self._after(
                x, causal_attention(q, k, v, self._compiled), layer.o_proj, layer.post_norm, layer.router,
                config.experts_per_token, config.rms_norm_eps, config.norm_topk_prob,
            )  # fmt: skip
            x = self._combine(
                x, grouped_experts(y, layer.gate_up, layer.down, experts, self._compiled), weights
            )
            balance, z_loss = balance + layer_balance, z_loss + layer_z
            load = torch.bincount(experts.flatten(), minlength=config.num_experts)
            busiest = torch.maximum(busiest, load.max() / load.sum())
        count = config.num_layers
        x = self._rms_norm(x, model.norm, config.rms_norm_eps)
        return x, balance / count, z_loss / count, busiest

    def loss(
        self, input_ids: Tensor, targets: Tensor, weights: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Weighted mean cross entropy in nats, then as `hidden`. All arguments (B, T)."""
        x, balance, z_loss, busiest = self.hidden(input_ids)
        head = self.model.embed_tokens if self.model.lm_head is None else self.model.lm_head
        loss = weighted_cross_entropy(
            x.view(-1, x.shape[-1]), head, targets.reshape(-1), weights.reshape(-1), self._compiled
        )
        return loss, balance, z_loss, busiest
