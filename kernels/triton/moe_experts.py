"""Experts for a few tokens: one matrix-vector product per (token, expert) pair, in two launches.

With n tokens of k experts each and n * k far below E, nearly every chosen expert serves one token, so the
weights of a pair are read once whatever the arrangement, and sorting tokens by expert only adds launches.
Memory is the limit: k * 3 * I * d weights a token and no reuse to speak of, so there is no `tl.dot` and the
products run in float32.

1. `_gate_up`: for each pair, silu(gate) * up over a tile of the I rows, kept in float32;
2. `_down`: for each token, a tile of the d rows, summed over the k experts in the order of `experts`.

No atomics: every output element has one owner, which sums in a fixed order, so equal inputs give equal bits.
Shape letters: n tokens, d hidden size, E experts, k experts a token, I hidden size of an expert.
"""

import torch
import triton
import triton.language as tl
from torch import Tensor

from kernels.triton import DTYPES

# A tile of 8 rows by 256 columns is two 16-byte loads of bf16 a thread at 4 warps. For Qwen3-30B-A3B (d 2048,
# I 768, k 8) one token then makes 768 and 256 programs. Chosen by this arithmetic; not yet tuned on a GPU.
TILE_ROWS = 8
TILE_COLUMNS = 256
# `enable_fp_fusion` is a fused multiply-add per product: said here since Triton 3.10 changes its default.
LAUNCH = {"ROWS": TILE_ROWS, "COLUMNS": TILE_COLUMNS, "num_warps": 4, "enable_fp_fusion": True}


def moe_experts(x: Tensor, gate_up: Tensor, down: Tensor, weights: Tensor, experts: Tensor) -> Tensor:
    """x (n, d), gate_up (E, 2I, d), down (E, d, I) of one dtype; weights and experts (n, k) -> (n, d).

    `experts` must be within 0..E-1, as `route` gives them: it is not read back to be checked. Not
    differentiable. Raises ValueError for shapes or dtypes that disagree.
    """
    n, d = x.shape
    num_experts, inner = down.shape[0], down.shape[2]
    k = experts.shape[1]
    if gate_up.shape != (num_experts, 2 * inner, d) or down.shape[1] != d:
        raise ValueError(
            f"experts of {tuple(gate_up.shape)} and {tuple(down.shape)} do not fit x of {tuple(x.shape)}"
        )
    if weights.shape != (n, k) or experts.shape != (n, k):
        raise ValueError(
            f"weights of {tuple(weights.shape)} and experts of {tuple(experts.shape)} for {n} tokens"
        )
    if x.dtype not in DTYPES or gate_up.dtype != x.dtype or down.dtype != x.dtype:
        raise ValueError(f"dtypes {x.dtype}, {gate_up.dtype}, {down.dtype}: one of {DTYPES} expected for all")
    out = torch.empty_like(x, memory_format=torch.contiguous_format)
    if n == 0:
        return out
    x, gate_up, down, weights, experts = (t.contiguous() for t in (x, gate_up, down, weights, experts))
    hidden = torch.empty((n * k, inner), dtype=torch.float32, device=x.device)
    _gate_up[(n * k, triton.cdiv(inner, TILE_ROWS))](x, gate_up, experts, hidden, d, inner, K=k, **LAUNCH)
    _down[(n, triton.cdiv(d, TILE_ROWS))](hidden, down, weights, experts, out, d, inner, K=k, **LAUNCH)
    return out


@triton.jit
def _gate_up(
    x, gate_up, experts, hidden, d, inner, K: tl.constexpr, ROWS: tl.constexpr, COLUMNS: tl.constexpr
):
    """Program (pair, tile): hidden[pair, rows] = silu(gate_up[e, rows] @ x) * (gate_up[e, I + rows] @ x)."""
    pair = tl.program_id(0)
    # 64 bits: the experts of one layer of Qwen3-Coder-480B have 5e9 elements.
    expert = tl.load(experts + pair).to(tl.int64)
    rows = tl.program_id(1) * ROWS + tl.arange(0, ROWS)
    in_rows = rows < inner
    gate_rows = gate_up + (expert * 2 * inner + rows[:, None]) * d
    up_rows = gate_up + (expert * 2 * inner + inner + rows[:, None]) * d
    token = x + (pair // K).to(tl.int64) * d
    # Products are added column by column and reduced across the tile once, after the loop.
    gate = tl.zeros((ROWS, COLUMNS), dtype=tl.float32)
    up = tl.zeros((ROWS, COLUMNS), dtype=tl.float32)
    for start in range(0, d, COLUMNS):
        columns = start + tl.arange(0, COLUMNS)
        mask = in_rows[:, None] & (columns < d)[None, :]
        value = tl.load(token + columns, mask=columns < d, other=0.0).to(tl.float32)[None, :]
        gate += tl.load(gate_rows + columns[None, :], mask=mask, other=0.0).to(tl.float32) * value
        up += tl.load(up_rows + columns[None, :], mask=mask, other=0.0).to(tl.float32) * value
    gate_sum, up_sum = tl.sum(gate, axis=1), tl.sum(up, axis=1)
    # The exponential of a negative number alone: that of a large one is infinite.
    decay = tl.exp(-tl.abs(gate_sum))
    sigmoid = tl.where(gate_sum >= 0.0, 1.0, decay) / (1.0 + decay)
    tl.store(hidden + pair.to(tl.int64) * inner + rows, gate_sum * sigmoid * up_sum, mask=in_rows)


@triton.jit
def _down(
    hidden, down, weights, experts, out, d, inner, K: tl.constexpr, ROWS: tl.constexpr, COLUMNS: tl.constexpr
):
    """Program (token, tile): out[token, rows] = sum over pairs of weight * (down[e, rows] @ hidden[pair])."""
    token = tl.program_id(0).to(tl.int64)
    rows = tl.program_id(1) * ROWS + tl.arange(0, ROWS)
    in_rows = rows < d
    total = tl.zeros((ROWS, COLUMNS), dtype=tl.float32)
    for slot in range(K):
        pair = token * K + slot
        expert = tl.load(experts + pair).to(tl.int64)
        weight = tl.load(weights + pair).to(tl.float32)
        down_rows = down + (expert * d + rows[:, None]) * inner
        for start in range(0, inner, COLUMNS):
            columns = start + tl.arange(0, COLUMNS)
            mask = in_rows[:, None] & (columns < inner)[None, :]
            value = tl.load(hidden + pair * inner + columns, mask=columns < inner, other=0.0) * weight
            total += (
                tl.load(down_rows + columns[None, :], mask=mask, other=0.0).to(tl.float32) * value[None, :]
            )
    tl.store(out + token * d + rows, tl.sum(total, axis=1).to(out.dtype.element_ty), mask=in_rows)
