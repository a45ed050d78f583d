"""How fast a GPU multiplies matrices: what a training step's operations are a share of."""

from __future__ import annotations

import time

import torch

SIZE, PRODUCTS = 8192, 100


def matrix_rate(device: torch.device) -> float:
    """FLOP/s of bfloat16 products of two (SIZE, SIZE) matrices, over a tenth of a second or so on an H100."""
    a, b = (torch.randn(SIZE, SIZE, device=device, dtype=torch.bfloat16) for _ in range(2))
    out = torch.empty_like(a)
    for _ in range(10):
        torch.mm(a, b, out=out)
    torch.cuda.synchronize(device)
    started = time.perf_counter()
    for _ in range(PRODUCTS):
        torch.mm(a, b, out=out)
    torch.cuda.synchronize(device)
    return PRODUCTS * 2 * SIZE**3 / (time.perf_counter() - started)
