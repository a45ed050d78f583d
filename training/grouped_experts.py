"""The experts of one layer over thousands of tokens, sorted by expert, forward and backward."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from training.compilation import fused


class Products(Protocol):
    """Products of sorted rows with the matrices of their experts. R rows, E experts."""

    def times(self, x: Tensor, w: Tensor) -> Tensor:
        """(R, in), (E, in, out) → (R, out)."""
        ...

    def outer(self, x: Tensor, y: Tensor) -> Tensor:
        """(R, a), (R, b) → (E, a, b), each expert's sum over its rows."""
        ...


class Spans:
    """A product an expert. Their shapes are read on the host, which waits for a GPU."""

    # Each expert's rows are padded to a multiple of this: the CPU matmul library prepares a kernel per shape,
    # and with exact counts, new at each step, a step takes 1.9x as long.
    PAD, LEAST = 256, 0

    def __init__(self, ends: Tensor, rows: int) -> None:
        stops: list[int] = ends.tolist()
        self._spans = list(enumerate(zip([0, *stops], stops, strict=False)))
        self._end = stops[-1]

    def times(self, x: Tensor, w: Tensor) -> Tensor:
        out = x.new_empty(len(x), w.shape[2])
        for expert, (start, stop) in self._spans:
            if start < stop:
                torch.mm(x[start:stop], w[expert], out=out[start:stop])
        out[self._end :].zero_()
        return out

    def outer(self, x: Tensor, y: Tensor) -> Tensor:
        out = x.new_zeros(len(self._spans), x.shape[1], y.shape[1])
        for expert, (start, stop) in self._spans:
            if start < stop:
                torch.mm(x[start:stop].t(), y[start:stop], out=out[expert])
        return out


class Jagged:
    """One product for all experts, whose shapes stay on the GPU (torch's `grouped_mm`)."""

    # Rows of an expert are loaded 16 bytes at a time, and an expert without any hangs the sum over them
    # (pytorch#152668).
    PAD, LEAST = 16, 1

    def __init__(self, ends: Tensor, rows: int) -> None:
        self._ends = ends.int()
        self._ends[-1:].fill_(rows)  # what is behind the last expert's padding would be left undefined

    def times(self, x: Tensor, w: Tensor) -> Tensor:
        return F.grouped_mm(x, w, offs=self._ends)

    def outer(self, x: Tensor, y: Tensor) -> Tensor:
        return F.grouped_mm(x.t(), y, offs=self._ends)


@dataclass(frozen=True, slots=True)
class Arrangement:
    """Where each (token, expert) pair lies among R rows that are sorted by expert and padded.

    Attributes:
        source: (R,) the pair that fills a row; padding repeats the first.
        is_padding: (R,) bool.
        place: (N * k,) the row of a pair.
        ends: (E,) where each expert's rows end.
    """

    source: Tensor
    is_padding: Tensor
    place: Tensor
    ends: Tensor

    @classmethod
    def of(cls, experts: Tensor, num_experts: int, kind: type[Spans] | type[Jagged]) -> Arrangement:
        """Nothing here waits for the device: R is a bound that does not depend on the experts chosen."""
        flat, device = experts.reshape(-1), experts.device
        pairs, rows = len(flat), len(flat) + num_experts * kind.PAD
        order = flat.argsort(stable=True)
        sorted_experts = flat[order]
        ends = torch.searchsorted(sorted_experts, torch.arange(num_experts, device=device), right=True)
        counts = ends.diff(prepend=ends.new_zeros(1))
        padded = ((counts + kind.PAD - 1) // kind.PAD).clamp_min(kind.LEAST) * kind.PAD
        shift = (padded.cumsum(0) - padded) - (ends - counts)
        slot = torch.arange(pairs, device=device) + shift[sorted_experts]
        source = torch.zeros(rows, dtype=torch.long, device=device)
        source[slot] = order
        is_padding = torch.ones(rows, dtype=torch.bool, device=device)
        is_padding[slot] = False
        place = torch.empty_like(order)
        place[order] = slot
        return cls(source, is_padding, place, padded.cumsum(0))


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
        ctx: Any,
        x: Tensor,
        gate_up: Tensor,
        down: Tensor,
        experts: Tensor,
        compiled: bool,
        kind: type[Spans] | type[Jagged],
    ) -> Tensor:
        k, arranged = experts.shape[1], Arrangement.of(experts, len(gate_up), kind)
        products: Products = kind(arranged.ends, len(arranged.source))
        sorted_x = x.index_select(0, arranged.source // k)
        hidden = products.times(sorted_x, gate_up.transpose(1, 2))
        inner = fused(_swiglu, compiled)(hidden)
        out = products.times(inner, down.transpose(1, 2))
        ctx.save_for_backward(
            sorted_x, hidden, inner, gate_up, down, arranged.source, arranged.place, arranged.is_padding
        )
        ctx.products, ctx.k, ctx.compiled = products, k, compiled
        return out.index_select(0, arranged.place)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, Tensor, None, None, None]:
        sorted_x, hidden, inner, gate_up, down, source, place, is_padding = ctx.saved_tensors
        products: Products = ctx.products
        grad_out = grad.index_select(0, source).masked_fill_(is_padding[:, None], 0)
        grad_inner, grad_down = products.times(grad_out, down), products.outer(grad_out, inner)
        grad_hidden = fused(_swiglu_backward, ctx.compiled)(hidden, grad_inner)
        grad_x, grad_gate_up = products.times(grad_hidden, gate_up), products.outer(grad_hidden, sorted_x)
        grad_tokens = grad_x.index_select(0, place).view(-1, ctx.k, grad_x.shape[-1]).sum(1)
        return grad_tokens, grad_gate_up, grad_down, None, None, None


def grouped_experts(
    x: Tensor,
    gate_up: Tensor,
    down: Tensor,
    experts: Tensor,
    compiled: bool,
    kind: type[Spans] | type[Jagged] | None = None,
) -> Tensor:
    """Run each token through its experts.

    Args:
        x: (N, d). gate_up: (E, 2i, d). down: (E, d, i). experts: (N, k) int64. With `Jagged` d and i are
            multiples of 8 and the matrices start at multiples of 16 bytes.
        compiled: SwiGLU through torch.compile.
        kind: how the products are made; by default `Jagged` on a GPU, `Spans` elsewhere.

    Returns:
        (N * k, d), unweighted, in the order of `experts.flatten()`.
    """
    kind = kind or (Jagged if x.is_cuda else Spans)
    out: Tensor = _GroupedExperts.apply(x, gate_up, down, experts, compiled, kind)  # type: ignore[no-untyped-call] # torch
    return out
