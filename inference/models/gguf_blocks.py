"""Quantised tensors of GGUF to numbers: each row is blocks of weights that share their scales.

Layouts: ggml/src/ggml-common.h, of `block_q8_0`, `block_q4_0`, `block_q4_K` and `block_q6_K`; the arithmetic
is that of `dequantize_row_*` in ggml-quants.c, bit by bit.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]

TYPE_NAMES = {
    0: "F32", 1: "F16", 2: "Q4_0", 3: "Q4_1", 6: "Q5_0", 7: "Q5_1", 8: "Q8_0", 9: "Q8_1", 10: "Q2_K",
    11: "Q3_K", 12: "Q4_K", 13: "Q5_K", 14: "Q6_K", 15: "Q8_K", 16: "IQ2_XXS", 17: "IQ2_XS", 18: "IQ3_XXS",
    19: "IQ1_S", 20: "IQ4_NL", 21: "IQ3_S", 22: "IQ2_S", 23: "IQ4_XS", 24: "I8", 25: "I16", 26: "I32",
    27: "I64", 28: "F64", 29: "IQ1_M", 30: "BF16", 34: "TQ1_0", 35: "TQ2_0", 39: "MXFP4",
}  # fmt: skip
"""ggml's, those that this engine does not read too, so that a refusal can name them."""


@dataclass(frozen=True, slots=True)
class Block:
    """`weights` numbers in `bytes` bytes; `decode` maps (n, bytes) to (n, weights)."""

    weights: int
    bytes: int
    decode: Callable[[Bytes], Floats]


def dequantise(data: Bytes, type_name: str) -> Floats:
    """(k,) bytes, whole blocks of a type in BLOCKS → the numbers in them, in a row."""
    block = BLOCKS[type_name]
    return block.decode(data.reshape(-1, block.bytes)).reshape(-1)


def _f32(blocks: Bytes) -> Floats:
    return blocks.view("<f4").astype(np.float32, copy=False)


def _f16(blocks: Bytes) -> Floats:
    return blocks.view("<f2").astype(np.float32)


def _bf16(blocks: Bytes) -> Floats:
    return (blocks.view("<u2").astype(np.uint32) << 16).view(np.float32)


def _q8_0(blocks: Bytes) -> Floats:
    """A float16 scale, 32 signed bytes."""
    return _half(blocks[:, :2]) * blocks[:, 2:].view(np.int8).astype(np.float32)


def _q4_0(blocks: Bytes) -> Floats:
    """A float16 scale, 16 bytes: the low halves are weights 0 to 15, the high ones 16 to 31, each less 8."""
    return _half(blocks[:, :2]) * (_nibbles(blocks[:, 2:], 16).astype(np.float32) - 8)


def _q4_k(blocks: Bytes) -> Floats:
    """float16 scales of the scales and of the minima, eight of each in 6 bits, then 4 times 32 bytes: low
    halves first, high halves behind them."""
    scale, minimum = _half(blocks[:, :2]), _half(blocks[:, 2:4])
    low, middle, high = blocks[:, 4:8], blocks[:, 8:12], blocks[:, 12:16]
    scales = np.concatenate([low & 63, high & 15 | low >> 6 << 4], axis=1).astype(np.float32)
    minima = np.concatenate([middle & 63, high >> 4 | middle >> 6 << 4], axis=1).astype(np.float32)
    weights = _nibbles(blocks[:, 16:], 32).reshape(-1, 8, 32).astype(np.float32)
    values: Floats = (scale * scales)[:, :, None] * weights - (minimum * minima)[:, :, None]
    return values.reshape(-1, 256)


def _q6_k(blocks: Bytes) -> Floats:
    """128 bytes of low halves, 64 of high pairs of bits, 16 signed scales, a float16 scale of them; the
    weights less 32."""
    low = _nibbles(blocks[:, :128], 64).reshape(-1, 2, 4, 32)
    pairs = blocks[:, 128:192].reshape(-1, 2, 1, 32) >> np.array([0, 2, 4, 6], np.uint8)[:, None] & 3
    weights = ((low | pairs << 4).astype(np.float32) - 32).reshape(-1, 16, 16)
    scales = _half(blocks[:, 208:]) * blocks[:, 192:208].view(np.int8).astype(np.float32)
    values: Floats = scales[:, :, None] * weights
    return values.reshape(-1, 256)


def _half(data: Bytes) -> Floats:
    """(n, 2) bytes → (n, 1)."""
    return np.ascontiguousarray(data).view("<f2").astype(np.float32)


def _nibbles(data: Bytes, run: int) -> Bytes:
    """(n, k) bytes → (n, 2k): of each `run` bytes the low halves, then the high halves."""
    runs = data.reshape(len(data), -1, 1, run)
    halves: Bytes = np.concatenate([runs & 15, runs >> 4], axis=2)
    return halves.reshape(len(data), -1)


BLOCKS = {
    "F32": Block(1, 4, _f32),
    "F16": Block(1, 2, _f16),
    "BF16": Block(1, 2, _bf16),
    "Q8_0": Block(32, 34, _q8_0),
    "Q4_0": Block(32, 18, _q4_0),
    "Q4_K": Block(256, 144, _q4_k),
    "Q6_K": Block(256, 210, _q6_k),
}
