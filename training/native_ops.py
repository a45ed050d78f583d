"""The hot operations of training in native code (training/native), as differentiable functions of tensors.

All in bfloat16 on the CPU, dimensions multiples of 32; sums are float32. Their plain counterparts are in
causal_attention.py, grouped_experts.py and cross_entropy.py; tests hold the two together.
"""

from __future__ import annotations

import ctypes
from typing import Any

import torch
from torch import Tensor

from training.native_library import Attention, CrossEntropy, Experts, address, library


def _sizes(*numbers: int) -> tuple[ctypes.c_size_t, ...]:
    return tuple(map(ctypes.c_size_t, numbers))


class _Linear(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, w: Tensor) -> Tensor:
        (out, size), rows = w.shape, x.numel() // x.shape[-1]
        x = x.contiguous()
        y = x.new_empty(*x.shape[:-1], out)
        library().midfill_linear_forward(
            address(x, x.shape), address(w, (out, size)), address(y, y.shape), *_sizes(rows, size, out)
        )
        ctx.save_for_backward(x, w)
        return y

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor]:
        x, w = ctx.saved_tensors
        (out, size), rows = w.shape, x.numel() // x.shape[-1]
        grad, grad_x, grad_w = grad.contiguous(), torch.empty_like(x), torch.empty_like(w)
        library().midfill_linear_backward(
            address(grad, (*x.shape[:-1], out)), address(x, x.shape), address(w, w.shape),
            address(grad_x, x.shape), address(grad_w, w.shape), *_sizes(rows, size, out),
        )  # fmt: skip
        return grad_x, grad_w


class _Experts(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, gate_up: Tensor, down: Tensor, experts: Tensor) -> Tensor:
        (num_experts, double, d), (tokens, k) = gate_up.shape, experts.shape
        flat = experts.reshape(-1)
        order = flat.argsort(stable=True)
        ends = torch.bincount(flat, minlength=num_experts).cumsum(0)
        hidden, out = x.new_empty(tokens * k, double), x.new_empty(tokens * k, d)
        x = x.contiguous()
        job = _Experts.job(x, gate_up, down, order, ends, hidden)
        library().midfill_experts_forward(ctypes.byref(job), address(out, out.shape))
        ctx.save_for_backward(x, gate_up, down, order, ends, hidden)
        return out

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        x, gate_up, down, order, ends, hidden = ctx.saved_tensors
        job = _Experts.job(x, gate_up, down, order, ends, hidden)
        grad, grad_pairs, grad_x = grad.contiguous(), torch.empty_like(grad), torch.empty_like(x)
        grad_gate_up, grad_down = torch.empty_like(gate_up), torch.empty_like(down)
        library().midfill_experts_backward(
            ctypes.byref(job), address(grad, (len(hidden), x.shape[1])), address(grad_pairs, grad.shape),
            address(grad_x, x.shape), address(grad_gate_up, gate_up.shape), address(grad_down, down.shape),
        )  # fmt: skip
        return grad_x, grad_gate_up, grad_down, None

    @staticmethod
    def job(x: Tensor, gate_up: Tensor, down: Tensor, order: Tensor, ends: Tensor, hidden: Tensor) -> Experts:
        (num_experts, double, d), tokens, pairs = gate_up.shape, len(x), len(order)
        return Experts(
            address(x, (tokens, d)), address(gate_up, gate_up.shape),
            address(down, (num_experts, d, double // 2)), address(order, (pairs,), torch.int64),
            address(ends, (num_experts,), torch.int64), address(hidden, (pairs, double)),
            tokens, pairs // tokens, d, double // 2, num_experts,
        )  # fmt: skip


class _Attention(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        q, k, v = q.contiguous(), k.contiguous(), v.contiguous()
        out = torch.empty_like(q)
        normaliser = q.new_empty(q.shape[0], q.shape[2], q.shape[1], dtype=torch.float32)
        library().midfill_attention_forward(ctypes.byref(_Attention.job(q, k, v, out, normaliser)))
        ctx.save_for_backward(q, k, v, out, normaliser)
        return out

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        q, k, v, out, normaliser = ctx.saved_tensors
        job, grad = _Attention.job(q, k, v, out, normaliser), grad.contiguous()
        grads = torch.empty_like(q), torch.empty_like(k), torch.empty_like(v)
        library().midfill_attention_backward(
            ctypes.byref(job), address(grad, q.shape), *(address(g, g.shape) for g in grads)
        )
        return grads

    @staticmethod
    def job(q: Tensor, k: Tensor, v: Tensor, out: Tensor, normaliser: Tensor) -> Attention:
        (batch, length, h, c), g = q.shape, k.shape[2]
        shared = (batch, length, g, c)
        return Attention(
            address(q, q.shape), address(k, shared), address(v, shared), address(out, q.shape),
            address(normaliser, (batch, h, length), torch.float32), batch, length, h, g, c,
        )  # fmt: skip


class _CrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, head: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
        (count, depth), x = x.shape, x.contiguous()
        targets, share = targets.contiguous(), (weights / weights.sum()).contiguous()
        grad_x, grad_head = torch.empty_like(x), torch.empty_like(head)
        job = CrossEntropy(
            address(x, x.shape), address(head, head.shape), address(targets, (count,), torch.int64),
            address(share, (count,), torch.float32), address(grad_x, x.shape), address(grad_head, head.shape),
            count, depth, len(head),
        )  # fmt: skip
        loss = library().midfill_cross_entropy(ctypes.byref(job))
        ctx.save_for_backward(grad_x, grad_head)
        return torch.tensor(loss, dtype=torch.float32)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, None, None]:
        grad_x, grad_head = ctx.saved_tensors
        return grad_x * grad, grad_head * grad, None, None


def linear(x: Tensor, w: Tensor) -> Tensor:
    """(..., in) and (out, in) → (..., out)."""
    y: Tensor = _Linear.apply(x, w)  # type: ignore[no-untyped-call] # torch
    return y


def grouped_experts(x: Tensor, gate_up: Tensor, down: Tensor, experts: Tensor) -> Tensor:
    """As training.grouped_experts: (N, d), (E, 2i, d), (E, d, i), (N, k) int64 → (N * k, d), unweighted."""
    out: Tensor = _Experts.apply(x, gate_up, down, experts)  # type: ignore[no-untyped-call] # torch
    return out


def causal_attention(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """As training.causal_attention: (B, T, h, c) and (B, T, g, c) twice → (B, T, h, c), scale c**-0.5."""
    out: Tensor = _Attention.apply(q, k, v)  # type: ignore[no-untyped-call] # torch
    return out


def weighted_cross_entropy(x: Tensor, head: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
    """As training.cross_entropy: (N, d), (V, d), (N,) int64, (N,) float32 → the weighted mean, in nats."""
    loss: Tensor = _CrossEntropy.apply(x, head, targets, weights)  # type: ignore[no-untyped-call] # torch
    return loss
