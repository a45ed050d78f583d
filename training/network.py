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
from training.compilation import fused
from training.operations import Operations, TorchOperations


def rms_norm(x: Tensor, weight: Tensor, eps: float) -> Tensor:
    scaled = x.float()
    return (scaled * torch.rsqrt(scaled.pow(2).mean(-1, keepdim=True) + eps)).to(x.dtype) * weight


def rope(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    first, second = x.chunk(2, -1)
    return torch.cat((first * cos - second * sin, second * cos + first * sin), -1)


def queries_keys_values(
    y: Tensor, q_norm: Tensor, k_norm: Tensor, cos: Tensor, sin: Tensor, h: int, g: int, c: int, eps: float
) -> tuple[Tensor, Tensor, Tensor]:
    """(B, T, (h + 2g) c) → queries (B, T, h, c), keys and values (B, T, g, c), the first two rotated."""
    batch, length, _ = y.shape
    q, k, v = (part.view(batch, length, -1, c) for part in torch.split(y, [h * c, g * c, g * c], -1))
    cos, sin = cos[:, None], sin[:, None]
    return rope(rms_norm(q, q_norm, eps), cos, sin), rope(rms_norm(k, k_norm, eps), cos, sin), v.contiguous()


def routed(
    x: Tensor, attended: Tensor, norm: Tensor, router: Tensor, top_k: int, eps: float, renormalise: bool
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Add, norm and route.

    Returns:
        the residual (B, T, d), the experts' input (N, d), weights (N, k), experts (N, k), the balance loss
        of Switch Transformers (arXiv 2101.03961, eq. 4) over top-k, and the router's z-loss (2202.08906).
    """
    batch, length, d = x.shape
    x = x + attended
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
        operations: what the matrices go through; torch's own if left out.
        compiled: run the element-wise parts through torch.compile (worth 1.8x in bf16 on a CPU).
    """

    def __init__(self, model: Qwen3Moe, operations: Operations | None = None, *, compiled: bool) -> None:
        self.model = model
        self.operations = operations or TorchOperations(compiled)
        self._heads, self._routed = fused(queries_keys_values, compiled), fused(routed, compiled)
        self._combine, self._rms_norm = fused(combine, compiled), fused(rms_norm, compiled)

    def hidden(self, input_ids: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """(B, T) ids → (B, T, d) hidden states, balance loss, z-loss, share of the busiest expert."""
        config, model, ops = self.model.config, self.model, self.operations
        (batch, length), eps = input_ids.shape, self.model.config.rms_norm_eps
        x = F.embedding(input_ids, model.embed_tokens)
        cos, sin = model.rotation(torch.arange(length, device=input_ids.device), x.dtype)
        balance = z_loss = torch.zeros((), device=x.device)
        busiest = torch.zeros((), device=x.device)
        for layer in model.layers:
            assert isinstance(layer, Qwen3MoeLayer)  # noqa: S101 - ModuleList forgets the type
            q, k, v = self._heads(
                ops.linear(self._rms_norm(x, layer.input_norm, eps), layer.qkv_proj), layer.q_norm,
                layer.k_norm, cos, sin, config.num_heads, config.num_kv_heads, config.head_dim, eps,
            )  # fmt: skip
            attended = ops.causal_attention(q, k, v).reshape(batch, length, -1)
            x, y, weights, experts, layer_balance, layer_z = self._routed(
                x, ops.linear(attended, layer.o_proj), layer.post_norm, layer.router,
                config.experts_per_token, eps, config.norm_topk_prob,
            )  # fmt: skip
            x = self._combine(x, ops.grouped_experts(y, layer.gate_up, layer.down, experts), weights)
            balance, z_loss = balance + layer_balance, z_loss + layer_z
            load = torch.bincount(experts.flatten(), minlength=config.num_experts)
            busiest = torch.maximum(busiest, load.max() / load.sum())
        count = config.num_layers
        return self._rms_norm(x, model.norm, eps), balance / count, z_loss / count, busiest

    def loss(
        self, input_ids: Tensor, targets: Tensor, weights: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Weighted mean cross entropy in nats, then as `hidden`. All arguments (B, T)."""
        x, balance, z_loss, busiest = self.hidden(input_ids)
        head = self.model.embed_tokens if self.model.lm_head is None else self.model.lm_head
        loss = self.operations.weighted_cross_entropy(
            x.view(-1, x.shape[-1]), head, targets.reshape(-1), weights.reshape(-1)
        )
        return loss, balance, z_loss, busiest
