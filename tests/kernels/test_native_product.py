"""Packing and products of packed weights against numpy: every format on every instruction set there is."""

from __future__ import annotations

import numpy as np
import pytest

from kernels.cpu import available, native
from tests.kernels.packed import FORMATS, bfloat16, quantised_input, rounded, unpacked

SHAPES = [(16, 32), (17, 64), (48, 96), (31, 160), (64, 256)]
EVERY = pytest.mark.parametrize("instruction_set", available())
TILED = [name for name in available() if native(name).tiles]


def weights_and_inputs(rows: int, columns: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Normal ones, with a column, a row and a run of inputs that stand out."""
    random = np.random.default_rng(rows * columns + count)
    w = random.standard_normal((rows, columns), dtype=np.float32) * 0.05
    x = random.standard_normal((count, columns), dtype=np.float32)
    w[:, columns // 2] *= 20
    w[rows // 2] = 0
    x[0, :32] = 0
    x[-1] *= 300
    return w, x


def assert_near(y: np.ndarray, w: np.ndarray, x: np.ndarray, part: float) -> None:
    """|y - x wᵀ| is at most `part` of the sum of what is added up, in float64."""
    w, x = w.astype(np.float64), x.astype(np.float64)
    assert y.dtype == np.float32
    assert (np.abs(y - x @ w.T) <= part * (np.abs(x) @ np.abs(w).T) + 1e-30).all()


@EVERY
@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize(("rows", "columns"), SHAPES)
def test_what_is_packed_stands_for_the_weights(rows, columns, format, instruction_set) -> None:
    w, _ = weights_and_inputs(rows, columns, 1)
    values = unpacked(native(instruction_set).pack(w, format=format), rows, columns, format)
    most = np.abs(w).reshape(rows, -1, 32).max(-1).repeat(32, axis=1)
    if (
        format == "int4"
    ):  # half of a step of 7 on average: the least squared error may leave one value farther off
        off = np.square(values - w).reshape(rows, -1, 32).sum(-1)
        assert (off <= 32 * np.square(most[:, ::32] / 7 / 2) + 1e-12).all()
    else:  # half a step, of 127 in int8, and 2**-11 of the largest for a scale in half precision
        error = np.abs(w) / 2**8 if format == "bf16" else most * (0.5 / 127 + 2**-11)
        assert (np.abs(values - w) <= error + 1e-7).all()


@EVERY
@pytest.mark.parametrize(("format", "steps"), [("int8", 127), ("int4", 8)])
def test_what_was_quantised_alike_is_kept(format, steps, instruction_set) -> None:
    """Weights that come from a file of Q8_0 or Q4_0 lose nothing more."""
    random = np.random.default_rng(0)
    whole = random.integers(-steps, steps if format == "int4" else steps + 1, (32, 96))
    whole[:, ::32] = -steps
    scales = (random.random((32, 3)) * 0.01 + 1e-3).astype(np.float16)
    w = (whole * scales.astype(np.float32).repeat(32, axis=1)).astype(np.float32)
    np.testing.assert_array_equal(unpacked(native(instruction_set).pack(w, format=format), 32, 96, format), w)


@EVERY
@pytest.mark.parametrize("format", FORMATS)
def test_halves_in_turns(format, instruction_set) -> None:
    w, _ = weights_and_inputs(128, 64, 1)
    module = native(instruction_set)
    whole = module.pack(w, alternate=32, format=format)
    order = np.arange(128).reshape(2, 2, 2, 16).transpose(0, 2, 1, 3).reshape(-1)
    np.testing.assert_array_equal(whole, module.pack(w[order], format=format))


@EVERY
@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("count", [1, 2, 3, 4, 7, 15])
@pytest.mark.parametrize(("rows", "columns"), SHAPES)
def test_products_on_vectors(rows, columns, count, format, instruction_set) -> None:
    w, x = weights_and_inputs(rows, columns, count)
    module = native(instruction_set)
    packed = module.pack(w, format=format)
    y = module.product(packed, rows, x)
    assert y.shape == (count, rows)
    # What is left is the order of float32 sums of up to 256 terms.
    taken = x if format == "bf16" else quantised_input(x)
    assert_near(y, unpacked(packed, rows, columns, format), taken, 2e-6)


@EVERY
@pytest.mark.parametrize("format", FORMATS)
def test_a_rows_products_are_the_same_whatever_is_beside_it(format, instruction_set) -> None:
    w, x = weights_and_inputs(48, 96, 15)
    module = native(instruction_set)
    packed = module.pack(w, format=format)
    alone = np.concatenate([module.product(packed, 48, row[None]) for row in x])
    for size in (2, 3, 5, 8, 15):
        some = [module.product(packed, 48, x[i : i + size]) for i in range(0, 15, size)]
        np.testing.assert_array_equal(np.concatenate(some), alone)


@pytest.mark.parametrize("instruction_set", TILED)
@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("count", [1, 15, 16, 17, 31, 32, 33, 65])
@pytest.mark.parametrize(("rows", "columns"), SHAPES)
def test_products_in_tiles(rows, columns, count, format, instruction_set) -> None:
    w, x = weights_and_inputs(rows, columns, count)
    module = native(instruction_set)
    packed = module.pack(w, format=format)
    y = module.product(packed, rows, x, tiled=True)
    # Inputs are rounded to bfloat16, as are quantised weights when they become tiles: one part in 2**8 each.
    part = 2e-6 if format == "bf16" else 2**-8 + 2e-6
    assert_near(y, unpacked(packed, rows, columns, format), rounded(x), part)


@EVERY
def test_what_cannot_be_packed_is_refused(instruction_set) -> None:
    module = native(instruction_set)
    w = np.ones((64, 64), np.float32)
    with pytest.raises(ValueError, match="multiple of 32"):
        module.pack(w[:, :33].copy())
    with pytest.raises(ValueError, match="int3: no such format"):
        module.pack(w, format="int3")  # type: ignore[arg-type] # what is refused
    with pytest.raises(ValueError, match="float32"):
        module.pack(w.astype(np.float64))  # type: ignore[arg-type] # what is refused
    with pytest.raises(ValueError, match="halves"):
        module.pack(w, alternate=48)
    with pytest.raises(ValueError, match="no format's size"):
        module.product(module.pack(w), 48, w)
    for wrong in (np.nan, np.inf):
        w[33, 5] = wrong
        for values in (w, bfloat16(w)):
            with pytest.raises(ValueError, match="row 33"):
                module.pack(values, format="int8")
