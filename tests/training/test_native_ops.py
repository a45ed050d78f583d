"""The native operations compute what the plain ones do, and the gradients that autograd finds."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from training import native_library, native_ops
from training.cross_entropy import weighted_cross_entropy
from training.grouped_experts import grouped_experts
from training.operations import TorchOperations

pytestmark = pytest.mark.skipif(
    native_library.missing() is not None, reason=f"needs {native_library.missing()}"
)
TOLERANCE = 0.006
"""Of the Frobenius norm: two roundings to bfloat16 (2**-9 each), and what sums of rounded values add."""


def randn(*shape: int, scale: float = 1.0, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return (torch.randn(shape, generator=generator) * scale).bfloat16()


def with_gradients(compute: Callable[..., Tensor], inputs: list[Tensor]) -> list[Tensor]:
    """What `compute` returns and the gradients of a fixed weighting of it."""
    leaves = [x.detach().clone().requires_grad_(x.is_floating_point()) for x in inputs]
    out = compute(*leaves)
    out.backward(randn(*out.shape, seed=9).to(out.dtype) if out.ndim else None)  # type: ignore[no-untyped-call]
    return [out.detach(), *(x.grad for x in leaves if x.grad is not None)]


def assert_equal(native: Callable[..., Tensor], plain: Callable[..., Tensor], *inputs: Tensor) -> None:
    exact = [x.float() if x.is_floating_point() else x for x in inputs]
    ours, theirs = with_gradients(native, list(inputs)), with_gradients(plain, exact)
    assert len(ours) == len(theirs) > 1
    for a, b in zip(ours, theirs, strict=True):
        assert a.isfinite().all()
        assert (a.float() - b).norm() <= TOLERANCE * b.norm()


# 288 rows leave a short last block of summed rows.
@pytest.mark.parametrize(("rows", "size", "out"), [(32, 32, 32), (288, 64, 96), (512, 384, 640)])
def test_linear(rows: int, size: int, out: int) -> None:
    assert_equal(native_ops.linear, F.linear, randn(rows, size), randn(out, size, seed=1, scale=0.1))


def test_linear_of_rows_in_batches() -> None:
    assert_equal(native_ops.linear, F.linear, randn(2, 64, 32), randn(64, 32, seed=1))


@pytest.mark.parametrize("crowd", [False, True], ids=["spread", "most with one expert"])
@pytest.mark.parametrize("tokens", [1, 33, 700])
def test_experts(tokens: int, crowd: bool) -> None:
    generator = torch.Generator().manual_seed(4)
    chances = torch.rand(tokens, 6, generator=generator)
    chances[:, 5] = 0  # an expert without a token
    if crowd:
        chances[:, 2] += 1
    experts = chances.topk(2).indices
    assert_equal(
        native_ops.grouped_experts,
        lambda *inputs: grouped_experts(*inputs, compiled=False),
        randn(tokens, 64), randn(6, 192, 64, seed=1, scale=0.2), randn(6, 64, 96, seed=2, scale=0.2), experts,
    )  # fmt: skip


@pytest.mark.parametrize(("length", "heads", "groups"), [(32, 1, 1), (96, 4, 2), (512, 3, 1)])
def test_attention(length: int, heads: int, groups: int) -> None:
    assert_equal(
        native_ops.causal_attention,
        TorchOperations(compiled=False).causal_attention,
        randn(2, length, heads, 64), randn(2, length, groups, 64, seed=1),
        randn(2, length, groups, 64, seed=2),
    )  # fmt: skip


def test_attention_with_scores_far_apart() -> None:
    q, k = randn(1, 64, 1, 32, scale=30), randn(1, 64, 1, 32, seed=1, scale=30)
    out = native_ops.causal_attention(q, k, randn(1, 64, 1, 32, seed=2))
    assert out.isfinite().all()


# 300 and 1 leave a chunk of positions that is not full.
@pytest.mark.parametrize("count", [1, 256, 300])
def test_cross_entropy(count: int) -> None:
    generator = torch.Generator().manual_seed(4)
    targets = torch.randint(0, 512, (count,), generator=generator)
    weights = torch.randint(0, 4, (count,), generator=generator).float()
    weights[0] = 1
    assert_equal(
        lambda x, head: native_ops.weighted_cross_entropy(x, head, targets, weights),
        lambda x, head: weighted_cross_entropy(x, head, targets, weights, compiled=False),
        randn(count, 64), randn(512, 64, seed=1, scale=0.5),
    )  # fmt: skip


def test_a_tensor_of_another_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="bfloat16"):
        native_ops.linear(torch.zeros(32, 32), randn(32, 32))


@pytest.mark.parametrize("operation", ["linear", "cross entropy", "experts"])
def test_the_same_sums_are_the_same_to_the_bit(operation: str) -> None:
    x, generator = randn(4096, 64), torch.Generator().manual_seed(4)
    w = randn(512, 64, seed=1)
    targets, experts = (torch.randint(0, n, (4096,), generator=generator) for n in (512, 4))
    compute: Callable[..., Tensor] = {
        "linear": native_ops.linear,
        "cross entropy": lambda x, w: native_ops.weighted_cross_entropy(x, w, targets, torch.ones(4096)),
        "experts": lambda x, w: native_ops.grouped_experts(
            x, w.view(4, 128, 64), w.view(4, 128, 64)[:, :64].contiguous(), experts[:, None]
        ),
    }[operation]
    runs = [with_gradients(compute, [x, w]) for _ in range(5)]
    for again in runs[1:]:
        assert all(torch.equal(a, b) for a, b in zip(runs[0], again, strict=True))
