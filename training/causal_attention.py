"""Causal attention for training on a CPU: query blocks that skip what lies above the diagonal."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from training.compilation import fused

BLOCK = 256


def _softmax(scores: Tensor, scale: float, mask: Tensor) -> Tensor:
    return (scores.float() * scale + mask).softmax(-1).to(scores.dtype)


def _softmax_backward(chances: Tensor, grad: Tensor, row: Tensor, scale: float) -> Tensor:
    return (chances.float() * (grad.float() - row) * scale).to(chances.dtype)


class _CausalAttention(torch.autograd.Function):
    """Keeps the probabilities, (B*h, block, keys so far) in the inputs' dtype, for the backward pass."""

    @staticmethod
    def forward(ctx: Any, q: Tensor, k: Tensor, v: Tensor, compiled: bool) -> Tensor:
        batch, h, length, c = q.shape
        q, k, v = (x.reshape(batch * h, length, c) for x in (q, k, v))
        out, kept = torch.empty_like(q), []
        softmax = fused(_softmax, compiled)
        for start in range(0, length, BLOCK):
            stop = min(start + BLOCK, length)
            mask = torch.full((stop - start, stop), -1e9, device=q.device).triu(start + 1)
            chances = softmax(torch.bmm(q[:, start:stop], k[:, :stop].transpose(1, 2)), c**-0.5, mask)
            out[:, start:stop] = torch.bmm(chances, v[:, :stop])
            kept.append(chances)
        ctx.save_for_backward(q, k, v, out, *kept)
        ctx.compiled = compiled
        return out.view(batch, h, length, c)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        q, k, v, out, *kept = ctx.saved_tensors
        shape, (_, length, c) = grad.shape, q.shape
        grad = grad.reshape(q.shape)
        row = (grad.float() * out.float()).sum(-1, keepdim=True)
        softmax_backward = fused(_softmax_backward, ctx.compiled)
        grad_q, grad_k, grad_v = torch.empty_like(q), torch.zeros_like(k), torch.zeros_like(v)
        for chances, start in zip(kept, range(0, length, BLOCK), strict=True):
            stop = min(start + BLOCK, length)
            block = grad[:, start:stop]
            grad_v[:, :stop] += torch.bmm(chances.transpose(1, 2), block)
            scores = softmax_backward(
                chances, torch.bmm(block, v[:, :stop].transpose(1, 2)), row[:, start:stop], c**-0.5
            )
            grad_q[:, start:stop] = torch.bmm(scores, k[:, :stop])
            grad_k[:, :stop] += torch.bmm(scores.transpose(1, 2), q[:, start:stop])
        return grad_q.view(shape), grad_k.view(shape), grad_v.view(shape), None


def causal_attention(q: Tensor, k: Tensor, v: Tensor, compiled: bool) -> Tensor:
    """(B, h, T, c) each → (B, h, T, c), scale c**-0.5. On a GPU this is torch's own fused kernel.

    On two cores with AMX the blocks are worth 1.26x of a whole step against torch's CPU kernel.
    """
    if q.is_cuda:
        return torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)
    out: Tensor = _CausalAttention.apply(q, k, v, compiled)  # type: ignore[no-untyped-call] # torch
    return out
