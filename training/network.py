"""The forward and backward pass of training: batched, compiled, over the parameters of `Qwen3Moe`.

The engine's pass is written for a few tokens behind a cache, this one for thousands at once; both read the
same parameters, and a test holds their logits equal. Shape letters as in inference/models/qwen3_moe.py,
with B rows of T tokens and N = B * T.
"""

from __future__ import annotations

from dataclasses import dataclass

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
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Add, norm and route.

    Returns:
        the residual (B, T, d), the experts' input (N, d), weights (N, k), experts (N, k), how many of those
        chose each expert (E,), each expert's mean probability (E,), and the router's z-loss (2202.08906).
    """
    batch, length, d = x.shape
    x = x + attended
    y = rms_norm(x, norm, eps).view(batch * length, d)
    logits = F.linear(y, router).float()
    chances = logits.softmax(-1)
    weights, experts = chances.topk(top_k, -1)
    if renormalise:
        weights = weights / weights.sum(-1, keepdim=True)
    every = torch.arange(router.shape[0], device=x.device)
    counts = (experts[..., None] == every).float().sum((0, 1))  # one_hot would read the largest
    return x, y, weights, experts, counts, chances.mean(0), logits.logsumexp(-1).pow(2).mean()


def combine(x: Tensor, outputs: Tensor, weights: Tensor) -> Tensor:
    """Add the weighted sum of the experts' outputs, (N * k, d), to the residual."""
    mixed = (
        outputs.view(-1, weights.shape[1], outputs.shape[-1]) * weights.to(outputs.dtype)[..., None]
    ).sum(1)
    return x + mixed.view_as(x)


@dataclass(frozen=True, slots=True)
class Routing:
    """Where L routers sent a batch among E experts. All float32.

    Attributes:
        counts: (L, E) the (token, expert) pairs that chose each expert.
        chances: (L, E) each expert's mean probability.
        z_loss: () the layers' mean.
    """

    counts: Tensor
    chances: Tensor
    z_loss: Tensor

    def balance(self, counts: Tensor) -> Tensor:
        """The balance loss of Switch Transformers (arXiv 2101.03961, eq. 4) over top-k, the layers' mean.

        `counts` are the step's so far, of all its processes: balance is asked of the whole batch, not of the
        rows that happen to be computed at once (arXiv 2501.11873).
        """
        load = counts / counts.sum(-1, keepdim=True)
        return counts.shape[-1] * (load * self.chances).sum(-1).mean()


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

    def hidden(self, input_ids: Tensor) -> tuple[Tensor, Routing]:
        """(B, T) ids → (B, T, d) hidden states. Nothing here waits for a GPU."""
        config, model, ops = self.model.config, self.model, self.operations
        (batch, length), eps = input_ids.shape, self.model.config.rms_norm_eps
        x = F.embedding(input_ids, model.embed_tokens)
        cos, sin = model.rotation(torch.arange(length, device=input_ids.device), x.dtype)
        routings = []
        for layer in model.layers:
            assert isinstance(layer, Qwen3MoeLayer)  # noqa: S101 - ModuleList forgets the type
            q, k, v = self._heads(
                ops.linear(self._rms_norm(x, layer.input_norm, eps), layer.qkv_proj), layer.q_norm,
                layer.k_norm, cos, sin, config.num_heads, config.num_kv_heads, config.head_dim, eps,
            )  # fmt: skip
            attended = ops.causal_attention(q, k, v).reshape(batch, length, -1)
            x, y, weights, experts, *routing = self._routed(
                x, ops.linear(attended, layer.o_proj), layer.post_norm, layer.router,
                config.experts_per_token, eps, config.norm_topk_prob,
            )  # fmt: skip
            x = self._combine(x, ops.grouped_experts(y, layer.gate_up, layer.down, experts), weights)
            routings.append(routing)
        counts, chances, z_losses = (torch.stack(parts) for parts in zip(*routings, strict=True))
        return self._rms_norm(x, model.norm, eps), Routing(counts, chances, z_losses.mean())

    def cross_entropy(self, hidden: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
        """(B, T, d), (B, T), (B, T) → the weighted mean in nats."""
        head = self.model.embed_tokens if self.model.lm_head is None else self.model.lm_head
        return self.operations.weighted_cross_entropy(
            hidden.view(-1, hidden.shape[-1]), head, targets.reshape(-1), weights.reshape(-1)
        )

    def loss(self, input_ids: Tensor, targets: Tensor, weights: Tensor) -> tuple[Tensor, Routing]:
        """Weighted mean cross entropy in nats of (B, T) tokens."""
        hidden, routing = self.hidden(input_ids)
        return self.cross_entropy(hidden, targets, weights), routing
