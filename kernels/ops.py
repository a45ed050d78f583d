"""The one way to the hot operations: each picks a backend by device, dtype and shape, and says why.

Every op equals its namesake in `reference`, which tells the numerics, and is differentiable.
Shape letters: n new tokens, m cached and new positions, d hidden size, h query heads, g key/value heads,
z size of a head, E experts, k experts a token, I hidden size of an expert.
"""

import torch
from torch import Tensor

from kernels import eager, reference
from kernels.triton import DTYPES as TRITON_DTYPES

__all__ = ["attention", "moe_experts", "rms_norm", "rope", "route"]

# A pass over d elements, a rotation, a product with (E, d) and a top-k: their cost is launches, so only
# fusing them with their neighbours saves any. Until a kernel does, the reference is the backend.
rms_norm = reference.rms_norm
rope = reference.rope
route = reference.route

# Matrix-vector products per (token, expert) read an expert's weights once for every token that chose it; with
# more tokens, reading them once in all wins. vllm-project/vllm#41379 measured 3 to 5 times on its own CUDA
# kernels up to 8 tokens (k 8 of 128 experts) and the crossover near 16. To be measured on ours
# (docs/performance/gpu.md).
FEW_TOKENS = 8


def attention(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """q (n, h, z), k and v (m, g, z) -> (n, h, z): causal; the queries are the last n of the m positions."""
    # torch's fused attention: at n = m = 4096 and h = 32 the scores that it never writes are 1 GiB in bf16.
    return eager.attention(q, k, v)


def moe_experts(x: Tensor, gate_up: Tensor, down: Tensor, weights: Tensor, experts: Tensor) -> Tensor:
    """x (n, d), gate_up (E, 2I, d), down (E, d, I), weights and experts (n, k) -> (n, d)."""
    if _fits_triton(x, gate_up, down, weights):
        # Imported here because Triton is needed on a GPU alone, and a CPU's torch comes without it.
        from kernels.triton.moe_experts import moe_experts as few

        return few(x, gate_up, down, weights, experts)
    return eager.moe_experts(x, gate_up, down, weights, experts)


def _fits_triton(x: Tensor, gate_up: Tensor, down: Tensor, weights: Tensor) -> bool:
    if not x.is_cuda or x.shape[0] > FEW_TOKENS or x.dtype not in TRITON_DTYPES:
        return False
    # The kernel has no backward pass.
    return not (torch.is_grad_enabled() and any(t.requires_grad for t in (x, gate_up, down, weights)))
