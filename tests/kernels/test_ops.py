"""Whatever backend `ops` picks must equal the reference."""

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from kernels import ops, reference

# float32: sums of at most 160 terms of size 1, in another order. bf16: a few roundings of one part in 2**8.
TOLERANCE = {torch.float32: {"rtol": 1e-5, "atol": 2e-5}, torch.bfloat16: {"rtol": 3e-2, "atol": 3e-2}}
DTYPES = pytest.mark.parametrize("dtype", list(TOLERANCE), ids=str)


@pytest.fixture(autouse=True)
def seed() -> None:
    torch.manual_seed(2)


@DTYPES
@pytest.mark.parametrize(("n", "m"), [(1, 1), (1, 40), (2, 2), (17, 17), (2, 40), (39, 40)])
@pytest.mark.parametrize(("h", "g"), [(4, 4), (6, 2), (4, 1)])
def test_attention(n: int, m: int, h: int, g: int, dtype: torch.dtype) -> None:
    q, k, v = (torch.randn(rows, heads, 16, dtype=dtype) for rows, heads in ((n, h), (m, g), (m, g)))
    got = ops.attention(q, k, v)
    assert got.shape == (n, h, 16)
    torch.testing.assert_close(got, reference.attention(q, k, v), **TOLERANCE[dtype])


@DTYPES
@pytest.mark.parametrize("n", [1, 2, 13])
@pytest.mark.parametrize(("d", "inner", "num_experts", "k"), [(5, 7, 4, 1), (64, 96, 8, 3), (123, 160, 4, 4)])
def test_moe_experts(n: int, d: int, inner: int, num_experts: int, k: int, dtype: torch.dtype) -> None:
    x = torch.randn(n, d, dtype=dtype)
    gate_up = (torch.randn(num_experts, 2 * inner, d) * d**-0.5).to(dtype)
    down = (torch.randn(num_experts, d, inner) * inner**-0.5).to(dtype)
    weights, experts = reference.route(x, torch.randn(num_experts, d, dtype=dtype), k, normalise=True)
    got = ops.moe_experts(x, gate_up, down, weights, experts)
    assert got.dtype is dtype
    torch.testing.assert_close(
        got, reference.moe_experts(x, gate_up, down, weights, experts), **TOLERANCE[dtype]
    )


@pytest.mark.parametrize("n", [1, 6])
def test_moe_experts_has_the_gradients_of_the_reference(n: int) -> None:
    leaves = [
        t.requires_grad_()
        for t in (torch.randn(n, 8), torch.randn(4, 12, 8), torch.randn(4, 8, 6), torch.rand(n, 2))
    ]
    experts = torch.randint(4, (n, 2))
    experts[:, 1] = (experts[:, 0] + 1) % 4
    want = torch.autograd.grad(reference.moe_experts(*leaves, experts).square().sum(), leaves)
    got = torch.autograd.grad(ops.moe_experts(*leaves, experts).square().sum(), leaves)
    for a, b in zip(got, want, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("device", "n", "dtype", "grad", "picked"),
    [
        ("cuda", 1, torch.bfloat16, False, True),
        ("cuda", 8, torch.float32, False, True),
        ("cuda", 9, torch.bfloat16, False, False),
        ("cuda", 1, torch.float64, False, False),
        ("cuda", 1, torch.float32, True, False),
        ("cpu", 1, torch.bfloat16, False, False),
    ],
)
def test_triton_is_for_few_tokens_on_a_gpu(
    device: str, n: int, dtype: torch.dtype, grad: bool, picked: bool
) -> None:
    with FakeTensorMode():  # shapes, dtypes and a device, and neither memory nor a GPU
        x = torch.empty(n, 16, device=device, dtype=dtype)
        gate_up = torch.empty(4, 16, 16, device=device, dtype=dtype, requires_grad=grad)
        down = torch.empty(4, 16, 8, device=device, dtype=dtype)
        assert ops._fits_triton(x, gate_up, down, torch.empty(n, 2, device=device)) is picked
