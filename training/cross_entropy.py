"""Head projection and cross entropy in one, by chunks: the (N, V) logits never exist at once."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from training.compilation import fused

# Rows at a time. On a GPU 2048 would be less work than the launching of it.
CHUNK, GPU_CHUNK = 2048, 16384


def _chunk(logits: Tensor, targets: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """Weighted loss of a chunk, and its gradient by the logits without the target's own term."""
    dtype, logits = logits.dtype, logits.float()
    top = logits.amax(-1, keepdim=True)
    exps = (logits - top).exp()
    total = exps.sum(-1, keepdim=True)
    loss = ((top + total.log() - logits.gather(1, targets)) * weights).sum()
    return loss, (exps * (weights / total)).to(dtype)


class _WeightedCrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, x: Tensor, head: Tensor, targets: Tensor, weights: Tensor, compiled: bool
    ) -> Tensor:
        share = (weights / weights.sum())[:, None]
        loss, grad_x, grad_head = x.new_zeros((), dtype=torch.float32), torch.empty_like(x), None
        chunk = GPU_CHUNK if x.is_cuda else CHUNK
        compute = fused(_chunk, compiled and len(x) % chunk == 0)
        rows = torch.arange(min(chunk, len(x)), device=x.device)
        for start in range(0, len(x), chunk):
            part, target = x[start : start + chunk], targets[start : start + chunk, None]
            part_share = share[start : start + chunk]
            part_loss, grad = compute(F.linear(part, head), target, part_share)
            grad[rows[: len(part)], target[:, 0]] -= part_share[:, 0].to(grad.dtype)
            loss = loss + part_loss
            torch.mm(grad, head, out=grad_x[start : start + chunk])
            grad_part = grad.t() @ part
            grad_head = grad_part if grad_head is None else grad_head.add_(grad_part)
        ctx.save_for_backward(grad_x, grad_head)
        return loss

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, None, None, None]:
        grad_x, grad_head = ctx.saved_tensors
        return grad_x * grad, grad_head * grad, None, None, None


def weighted_cross_entropy(
    x: Tensor, head: Tensor, targets: Tensor, weights: Tensor, compiled: bool
) -> Tensor:
    """Mean of -log p(target), weighted, in nats.

    Args:
        x: (N, d) hidden states. head: (V, d). targets: (N,) int64. weights: (N,) float32, not all zero.
    """
    loss: Tensor = _WeightedCrossEntropy.apply(x, head, targets, weights, compiled)  # type: ignore[no-untyped-call] # torch
    return loss
