"""The experts of one layer over thousands of tokens, sorted by expert, forward and backward."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from training.compilation import fused

# Each expert's rows are padded to a multiple of this: the CPU matmul library prepares a kernel per shape,
# and with exact counts, new at each step, a step takes 1.9x as long.
PAD = 256


def _swiglu(gate_up: Tensor) -> Tensor:
    gate, up = gate_up.chunk(2, -1)
    return F.silu(gate) * up


def _swiglu_backward(gate_up: Tensor, grad: Tensor) -> Tensor:
    gate, up, grad = *gate_up.float().chunk(2, -1), grad.float()
    sigmoid = gate.sigmoid()
    return torch.cat((grad * up * sigmoid * (1 + gate * (1 - sigmoid)), grad * gate * sigmoid), -1).to(
        gate_up.dtype
    )


class _GroupedExperts(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, x: Tensor, gate_up: Tensor, down: Tensor, experts: Tensor, compiled: bool
    ) -> Tensor:
        (num_experts, _, d), pairs, k = gate_up.shape, experts.numel(), experts.shape[1]
        flat = experts.reshape(-1)
        order = flat.argsort(stable=True)
        counts = torch.bincount(flat, minlength=num_experts)
        padded = (counts + PAD - 1) // PAD * PAD
        rows = pairs + num_experts * PAD  # an upper bound on padded.sum(): one shape for every step
        sorted_experts = flat[order]
        slot = (
            (padded.cumsum(0) - padded)[sorted_experts]
            + torch.arange(pairs)
            - (counts.cumsum(0) - counts)[sorted_experts]
        )
        source = torch.zeros(
            rows, dtype=torch.long
        )  # which (token, expert) pair fills a row; padding repeats pair 0
        source[slot] = order
        is_padding = torch.ones(rows, dtype=torch.bool)
        is_padding[slot] = False
        place = torch.empty_like(order)  # the row of each pair
        place[order] = slot
        ends = padded.cumsum(0).tolist()
        spans = [
            (e, start, end)
            for e, (start, end) in enumerate(zip([0, *ends], ends, strict=False))
            if start < end
        ]
        sorted_x = x.index_select(0, source // k)
        hidden = x.new_zeros(rows, gate_up.shape[1])
        for e, start, end in spans:
            torch.mm(sorted_x[start:end], gate_up[e].t(), out=hidden[start:end])
        inner = fused(_swiglu, compiled)(hidden)
        out = x.new_empty(rows, d)
        for e, start, end in spans:
            torch.mm(inner[start:end], down[e].t(), out=out[start:end])
        ctx.save_for_backward(sorted_x, hidden, inner, gate_up, down, source, place, is_padding)
        ctx.spans, ctx.k, ctx.compiled = spans, k, compiled
        return out.index_select(0, place)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, Tensor, None, None]:
        sorted_x, hidden, inner, gate_up, down, source, place, is_padding = ctx.saved_tensors
        grad_out = grad.index_select(0, source).masked_fill_(is_padding[:, None], 0)
        grad_inner, grad_down, grad_gate_up = (
            torch.zeros_like(inner),
            torch.zeros_like(down),
            torch.zeros_like(gate_up),
        )
        for e, start, end in ctx.spans:
            torch.mm(grad_out[start:end], down[e], out=grad_inner[start:end])
            torch.mm(grad_out[start:end].t(), inner[start:end], out=grad_down[e])
        grad_hidden = fused(_swiglu_backward, ctx.compiled)(hidden, grad_inner)
        grad_x = torch.empty_like(sorted_x)
        for e, start, end in ctx.spans:
            torch.mm(grad_hidden[start:end], gate_up[e], out=grad_x[start:end])
            torch.mm(grad_hidden[start:end].t(), sorted_x[start:end], out=grad_gate_up[e])
        grad_tokens = grad_x.index_select(0, place).view(-1, ctx.k, grad_x.shape[-1]).sum(1)
        return grad_tokens, grad_gate_up, grad_down, None, None


def grouped_experts(x: Tensor, gate_up: Tensor, down: Tensor, experts: Tensor, compiled: bool) -> Tensor:
    """Run each token through its experts.

    Args:
        x: (N, d). gate_up: (E, 2i, d). down: (E, d, i). experts: (N, k) int64.
        compiled: SwiGLU through torch.compile.

    Returns:
        (N * k, d), unweighted, in the order of `experts.flatten()`.
    """
    out: Tensor = _GroupedExperts.apply(x, gate_up, down, experts, compiled)  # type: ignore[no-untyped-call] # torch
    return out
