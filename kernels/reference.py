"""Ground truth for every op in plain torch: written to be read, never to be fast.

Shape letters: n new tokens, m cached and new positions, d hidden size, h query heads, g key/value heads, z
size of a head, E experts, k experts a token, I hidden size of an expert. The numerics are the published ones
of Qwen3-MoE (arXiv 2505.09388): norms and softmaxes in float32, results in the dtype of the input.
"""

import torch
import torch.nn.functional as F
from torch import Tensor


def rms_norm(x: Tensor, weight: Tensor, eps: float) -> Tensor:
    """x (..., d), weight (d,) -> (..., d): scale to unit root mean square (arXiv 1910.07467).

    The float32 result is rounded to the dtype of x before the weight multiplies it, as in the published
    code.
    """
    wide = x.float()
    scale = torch.rsqrt(wide.square().mean(-1, keepdim=True) + eps)
    return weight * (wide * scale).to(x.dtype)


def rope(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """x (n, h, z), cos and sin (n, z/2) -> (n, h, z): rotate each pair x[i], x[i + z/2] (arXiv 2104.09864).

    The pairs lie half a head apart, the order of Hugging Face checkpoints (the paper's lie side by side).
    """
    cos, sin = cos[:, None].to(x.dtype), sin[:, None].to(x.dtype)
    a, b = x.chunk(2, dim=-1)
    return torch.cat((a * cos - b * sin, b * cos + a * sin), dim=-1)


def attention(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """q (n, h, z), k and v (m, g, z) -> (n, h, z): causal; the queries are the last n of the m positions.

    Query head i reads key/value head i // (h / g) (grouped-query attention, arXiv 2305.13245).
    """
    n, m, group = q.shape[0], k.shape[0], q.shape[1] // k.shape[1]
    keys, values = k.repeat_interleave(group, dim=1), v.repeat_interleave(group, dim=1)
    scores = torch.einsum("nhz,mhz->hnm", q, keys) * q.shape[2] ** -0.5
    future = torch.ones(n, m, dtype=torch.bool, device=q.device).triu(m - n + 1)
    weights = scores.masked_fill(future, float("-inf")).softmax(-1, dtype=torch.float32).to(q.dtype)
    return torch.einsum("hnm,mhz->nhz", weights, values)


def route(x: Tensor, weight: Tensor, top_k: int, normalise: bool) -> tuple[Tensor, Tensor]:
    """x (n, d), weight (E, d) -> weights (n, k) float32, experts (n, k) int64, the heaviest first.

    The softmax runs over all experts; `normalise` (norm_topk_prob) makes the k weights of a token sum to 1.
    """
    probabilities = F.linear(x, weight).softmax(-1, dtype=torch.float32)
    weights, experts = probabilities.topk(top_k, dim=-1)
    if normalise:
        weights = weights / weights.sum(-1, keepdim=True)
    return weights, experts


def moe_experts(x: Tensor, gate_up: Tensor, down: Tensor, weights: Tensor, experts: Tensor) -> Tensor:
    """x (n, d), gate_up (E, 2I, d), down (E, d, I), weights and experts (n, k) -> (n, d).

    Each expert is a SwiGLU (arXiv 2002.05202); the first I rows of gate_up are the gate. A token's k answers
    are weighted and summed in float32.
    """
    out = torch.zeros(x.shape, dtype=torch.float32, device=x.device)
    for expert in torch.unique(experts).tolist():
        token, slot = torch.where(experts == expert)
        gate, up = F.linear(x[token], gate_up[expert]).chunk(2, dim=-1)
        answer = F.linear(F.silu(gate) * up, down[expert])
        out = out.index_add(0, token, answer.float() * weights[token, slot, None].float())
    return out.to(x.dtype)
