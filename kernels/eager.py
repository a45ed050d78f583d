"""The ops in torch, arranged for speed: what runs on a device, dtype or shape that no kernel of ours covers.

Only the ops that gain from another arrangement than the reference's are here. Shape letters: see `reference`.
"""

import torch
import torch.nn.functional as F
from torch import Tensor


def attention(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """As `reference.attention`, without ever holding the (h, n, m) scores."""
    n, m = q.shape[0], k.shape[0]
    # torch's `is_causal` aligns the first query with the first key, ours the last with the last. The two
    # agree at n = m, one query sees everything, and the rest needs a mask.
    mask = None
    if 1 < n < m:
        mask = torch.ones(n, m, dtype=torch.bool, device=q.device).tril(m - n)
    out = F.scaled_dot_product_attention(
        q.transpose(0, 1)[None],
        k.transpose(0, 1)[None],
        v.transpose(0, 1)[None],
        attn_mask=mask,
        is_causal=n == m and n > 1,
        enable_gqa=q.shape[1] != k.shape[1],
    )
    return out[0].transpose(0, 1)


def moe_experts(x: Tensor, gate_up: Tensor, down: Tensor, weights: Tensor, experts: Tensor) -> Tensor:
    """As `reference.moe_experts`, reading each expert's weights once and in place for all of its tokens."""
    if x.shape[0] == 1:
        answers = torch.cat([_swiglu(x, gate_up[e], down[e]) for e in experts[0].tolist()])
        return (weights.float() @ answers.float()).to(x.dtype)
    n, k = experts.shape
    chosen = experts.flatten()
    order = chosen.argsort(stable=True)
    counts = chosen.bincount(minlength=gate_up.shape[0]).tolist()
    tokens = torch.split(order // k, counts)
    parts = [_swiglu(x[t], gate_up[e], down[e]) for e, t in enumerate(tokens) if counts[e]]
    # Back from the order of experts to that of tokens; the sum over k is then the same in every run, which
    # adding into a token's row expert by expert on a GPU is not.
    answers = torch.cat(parts)[order.argsort()].view(n, k, -1)
    return (weights.float()[:, None] @ answers.float())[:, 0].to(x.dtype)


def _swiglu(x: Tensor, gate_up: Tensor, down: Tensor) -> Tensor:
    """x (t, d), gate_up (2I, d), down (d, I) -> (t, d)."""
    gate, up = F.linear(x, gate_up).chunk(2, dim=-1)
    return F.linear(F.silu(gate) * up, down)
