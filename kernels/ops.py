"""The one way to the hot operations: each picks a backend by device, dtype and shape, and says why.

Every op equals its namesake in `reference`, which tells the numerics, and is differentiable on a CPU.
Shape letters: n new tokens, m cached and new positions, d hidden size, h query heads, g key/value heads,
z size of a head, E experts, k experts a token, I hidden size of an expert.
"""

from torch import Tensor

from kernels import eager, reference

__all__ = ["attention", "moe_experts", "rms_norm", "rope", "route"]

# A pass over d elements, a rotation, a product with (E, d) and a top-k: their cost is launches, not arithmetic,
# and only fusing them with their neighbours saves any. Until a kernel does, the reference is the backend.
rms_norm = reference.rms_norm
rope = reference.rope
route = reference.route


def attention(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """q (n, h, z), k and v (m, g, z) -> (n, h, z): causal; the queries are the last n of the m positions."""
    # torch's fused attention: at n = m = 4096 and h = 32 the scores that it never writes are 1 GiB in bf16.
    return eager.attention(q, k, v)


def moe_experts(x: Tensor, gate_up: Tensor, down: Tensor, weights: Tensor, experts: Tensor) -> Tensor:
    """x (n, d), gate_up (E, 2I, d), down (E, d, I), weights and experts (n, k) -> (n, d)."""
    return eager.moe_experts(x, gate_up, down, weights, experts)
