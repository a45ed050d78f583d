"""The Triton experts against the reference, which gets the same inputs in float32.

Both then hold the same numbers and sum in float32, so float32 differs by the order of at most 264 terms of
size 1, and the narrow dtypes by the one rounding of the answer: half a unit in the last place (2**-8 and
2**-11), doubled because the interpreter truncates where a GPU rounds.
"""

import pytest
import torch
from torch import Tensor

from kernels import reference
from kernels.triton.moe_experts import TILE_COLUMNS, TILE_ROWS, moe_experts

TOLERANCE = {torch.float32: (1e-5, 1e-5), torch.bfloat16: (2**-7, 1e-5), torch.float16: (2**-10, 1e-5)}
SHAPES = [  # n, d, I, E, k: one of everything, less than a tile, whole tiles, a tile and a bit
    (1, 1, 1, 1, 1),
    (1, 5, 7, 4, 1),
    (2, 64, 96, 8, 2),
    (3, 123, 7, 4, 3),
    (1, 256, 192, 8, 2),
    (8, 13, 7, 8, 3),
    (2, 257, 9, 4, 2),
    (1, 16, 264, 4, 2),
]


def inputs(
    n: int, d: int, inner: int, num_experts: int, k: int, dtype: torch.dtype, device: str
) -> list[Tensor]:
    generator = torch.Generator().manual_seed(n * 1000 + d)
    x, gate_up, down, scores = (
        torch.randn(shape, generator=generator)
        for shape in ((n, d), (num_experts, 2 * inner, d), (num_experts, d, inner), (n, num_experts))
    )
    weights, experts = scores.softmax(-1).topk(k)
    narrow = (x, gate_up * d**-0.5, down * inner**-0.5)
    return [*(t.to(device, dtype) for t in narrow), weights.to(device), experts.to(device)]


@pytest.mark.parametrize("dtype", list(TOLERANCE), ids=str)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_equals_the_reference(shape: tuple[int, int, int, int, int], dtype: torch.dtype, device: str) -> None:
    x, gate_up, down, weights, experts = inputs(*shape, dtype, device)
    got = moe_experts(x, gate_up, down, weights, experts)
    want = reference.moe_experts(x.float(), gate_up.float(), down.float(), weights, experts)
    assert got.dtype is dtype
    rtol, atol = TOLERANCE[dtype]
    torch.testing.assert_close(got.float(), want, rtol=rtol, atol=atol)


def test_shapes_reach_past_one_tile() -> None:
    assert any(d > TILE_COLUMNS and d % TILE_ROWS for _, d, *_ in SHAPES)
    assert any(inner > TILE_COLUMNS and inner % TILE_COLUMNS for _, _, inner, *_ in SHAPES)


def test_equal_inputs_give_equal_bits(device: str) -> None:
    tensors = inputs(4, 16, 24, 8, 2, torch.bfloat16, device)
    assert torch.equal(moe_experts(*tensors), moe_experts(*tensors))


def test_a_token_does_not_depend_on_its_batch(device: str) -> None:
    x, gate_up, down, weights, experts = inputs(4, 16, 24, 8, 2, torch.float32, device)
    together = moe_experts(x, gate_up, down, weights, experts)
    alone = moe_experts(x[2:3], gate_up, down, weights[2:3], experts[2:3])
    assert torch.equal(together[2:3], alone)


def test_reads_views_that_are_not_contiguous(device: str) -> None:
    x, gate_up, down, weights, experts = inputs(3, 16, 24, 8, 2, torch.float32, device)
    want = moe_experts(x, gate_up, down, weights, experts)
    wide = torch.stack((x, x), dim=-1)[..., 0]
    assert not wide.is_contiguous()
    turned = down.transpose(1, 2).contiguous().transpose(1, 2)
    assert torch.equal(moe_experts(wide, gate_up, turned, weights, experts), want)


def test_a_very_negative_gate_gives_zero_and_no_nan(device: str) -> None:
    x = torch.full((1, 4), 50.0, device=device)
    gate_up = torch.cat((torch.full((1, 3, 4), -50.0), torch.ones(1, 3, 4)), dim=1).to(device)
    down, weights = torch.ones(1, 4, 3, device=device), torch.ones(1, 1, device=device)
    experts = torch.zeros(1, 1, dtype=torch.int64, device=device)
    assert torch.equal(moe_experts(x, gate_up, down, weights, experts), torch.zeros(1, 4, device=device))


def test_no_tokens_give_no_rows(device: str) -> None:
    x, gate_up, down, weights, experts = inputs(1, 8, 4, 2, 1, torch.float32, device)
    assert moe_experts(x[:0], gate_up, down, weights[:0], experts[:0]).shape == (0, 8)


@pytest.mark.parametrize("wrong", ["gate_up", "down", "weights", "dtype"])
def test_refuses_inputs_that_disagree(wrong: str, device: str) -> None:
    x, gate_up, down, weights, experts = inputs(2, 8, 4, 2, 1, torch.float32, device)
    if wrong == "gate_up":
        gate_up = gate_up[:, :-1]
    elif wrong == "down":
        down = down[:, :-1]
    elif wrong == "weights":
        weights = weights[:1]
    else:
        down = down.half()
    with pytest.raises(ValueError, match=r"do not fit|for 2 tokens|expected for all"):
        moe_experts(x, gate_up, down, weights, experts)
