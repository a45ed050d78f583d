"""Packed matrices read back with numpy, as kernels/cpu/matrix.h says they lie."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

ROWS, COLUMNS = 16, 32
FORMATS = ("bf16", "int8", "int4")
Floats = npt.NDArray[np.float32]


def bfloat16(values: Floats) -> npt.NDArray[np.uint16]:
    """The nearest, ties to even."""
    bits = values.view(np.uint32)
    return ((bits + 0x7FFF + (bits >> 16 & 1)) >> 16).astype(np.uint16)


def widened(bits: npt.NDArray[np.uint16]) -> Floats:
    return (bits.astype(np.uint32) << 16).view(np.float32)


def rounded(values: Floats) -> Floats:
    return widened(bfloat16(values))


def unpacked(packed: np.ndarray, rows: int, columns: int, format: str) -> Floats:
    """(rows, columns), the values that the packed ones stand for."""
    blocks, cells = -(-rows // ROWS), columns // COLUMNS
    if format == "bf16":
        values = widened(packed.reshape(blocks, columns // 2, ROWS, 2).transpose(0, 2, 1, 3))
        return values.reshape(-1, columns)[:rows]
    cell = ROWS * COLUMNS if format == "int8" else ROWS * COLUMNS // 2
    every = packed.reshape(blocks, -1)
    scales = (
        every[:, cells * cell : cells * (cell + 2 * ROWS)]
        .copy()
        .view(np.float16)
        .reshape(blocks, cells, ROWS)
    )
    whole = every[:, : cells * cell]
    if format == "int8":
        numbers = whole.reshape(blocks, cells, 8, ROWS, 4).transpose(0, 3, 1, 2, 4).astype(int) - 128
    else:
        halves = np.stack([whole & 15, whole >> 4]).reshape(2, blocks, cells, 4, ROWS, 4)
        numbers = halves.transpose(1, 4, 2, 3, 0, 5).astype(int) - 8
    numbers = numbers.reshape(blocks, ROWS, cells, COLUMNS)
    values = numbers * scales.astype(np.float32).transpose(0, 2, 1)[..., None]
    return values.reshape(-1, columns)[:rows].astype(np.float32)


def quantised_input(x: Floats) -> np.ndarray:
    """(n, columns), what is left of it when each 32 columns become bytes and a scale."""
    runs = x.reshape(len(x), -1, COLUMNS)
    most = np.abs(runs).max(-1, keepdims=True)
    whole = np.rint(runs * (np.float32(127) / np.where(most == 0, 1, most))).astype(np.float64)
    left: np.ndarray = (whole * (most / np.float32(127))).reshape(x.shape)
    return left
