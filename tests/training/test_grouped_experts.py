"""Sorted experts, however their products are made, are what a loop over tokens and experts finds."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from training.grouped_experts import Arrangement, Jagged, Spans, grouped_experts

KINDS = [Spans, Jagged]
DEVICES = ["cpu", "cuda"] if torch.cuda.is_available() else ["cpu"]


def plain(x: Tensor, gate_up: Tensor, down: Tensor, experts: Tensor) -> Tensor:
    rows = []
    for token, chosen in zip(x, experts.tolist(), strict=True):
        for expert in chosen:
            gate, up = (gate_up[expert] @ token).chunk(2)
            rows.append(down[expert] @ (F.silu(gate) * up))
    return torch.stack(rows)


def chosen(tokens: int, num_experts: int) -> Tensor:
    chances = torch.rand(tokens, num_experts, generator=torch.Generator().manual_seed(4))
    chances[:, -1] = 0  # an expert without a token
    return chances.topk(2).indices


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("tokens", [1, 33, 300])
def test_outputs_and_gradients_equal_autograds(
    kind: type[Spans] | type[Jagged], tokens: int, device: str
) -> None:
    generator = torch.Generator().manual_seed(1)
    inputs = [
        torch.randn(shape, generator=generator).to(device).requires_grad_()
        for shape in ((tokens, 16), (6, 48, 16), (6, 16, 24))
    ]
    experts = chosen(tokens, 6).to(device)
    weighting = torch.randn(2 * tokens, 16, generator=generator).to(device)
    ours = grouped_experts(*inputs, experts, compiled=False, kind=kind)
    theirs = plain(*inputs, experts)
    # float32 in another order of summation.
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)
    for a, b in zip(
        torch.autograd.grad(ours, inputs, weighting),
        torch.autograd.grad(theirs, inputs, weighting),
        strict=True,
    ):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=2e-3)
        assert b.abs().max() > 1, "so that the tolerance means something"


@pytest.mark.parametrize("kind", KINDS)
def test_every_pair_has_a_row_of_its_expert(kind: type[Spans] | type[Jagged]) -> None:
    experts = chosen(300, 6)
    arranged = Arrangement.of(experts, 6, kind)
    assert torch.equal(arranged.source[arranged.place], torch.arange(600))
    assert torch.equal(torch.searchsorted(arranged.ends, arranged.place, right=True), experts.flatten())
    assert int((~arranged.is_padding).sum()) == 600
    assert not arranged.is_padding[arranged.place].any()
    sizes = arranged.ends.diff(prepend=torch.zeros(1, dtype=torch.long))
    assert (sizes % kind.PAD == 0).all()
    assert sizes.min() == kind.LEAST * kind.PAD
    assert int(arranged.ends[-1]) <= len(arranged.source)


@pytest.mark.parametrize("device", DEVICES)
def test_one_product_for_all_experts_takes_what_training_gives_it(device: str) -> None:
    """bfloat16, and matrices that lie in one buffer behind others."""
    generator = torch.Generator().manual_seed(1)
    size = 4 * 64 * 32
    buffer = (torch.randn(8 + size * 3 // 2, generator=generator) / 8).bfloat16().to(device)
    x = torch.randn(50, 32, generator=generator).bfloat16().to(device).requires_grad_()
    gate_up = buffer[8 : 8 + size].view(4, 64, 32).requires_grad_()
    down = buffer[8 + size :].view(4, 32, 32).requires_grad_()
    experts, weighting = chosen(50, 4).to(device), torch.randn(100, 32, generator=generator).to(x)
    found = []
    for kind in KINDS:
        out = grouped_experts(x, gate_up, down, experts, compiled=False, kind=kind)
        found.append([out, *torch.autograd.grad(out, (x, gate_up, down), weighting)])
    for a, b in zip(*found, strict=True):
        # The same sums, rounded to bfloat16 (2**-9) at the same places; the order inside a sum may differ.
        assert (a - b).norm() <= 0.01 * a.norm()
