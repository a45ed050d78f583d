"""Every layout of blocks is decoded as ggml's own package does, whatever the bytes."""

from __future__ import annotations

import numpy as np
import pytest
from gguf import GGMLQuantizationType
from gguf.constants import GGML_QUANT_SIZES
from gguf.quants import dequantize

from inference.models.gguf_blocks import BLOCKS, TYPE_NAMES, dequantise

PLAIN = {"F32": np.float32, "F16": np.float16}


@pytest.mark.parametrize("name", BLOCKS)
@pytest.mark.filterwarnings("ignore:overflow", "ignore:invalid value")  # random bits are infinite at times
def test_the_numbers_are_ggmls(name: str) -> None:
    block = BLOCKS[name]
    assert (block.weights, block.bytes) == GGML_QUANT_SIZES[GGMLQuantizationType[name]]
    data = np.random.default_rng(0).integers(0, 256, (7, 3 * block.bytes), np.uint8)
    expected = dequantize(data.view(PLAIN.get(name, np.uint8)), GGMLQuantizationType[name])
    found = dequantise(data.reshape(-1), name)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, expected.reshape(-1))


def test_types_have_ggmls_numbers() -> None:
    theirs = {int(kind): kind.name for kind in GGMLQuantizationType}
    assert {number: theirs.get(number) for number in TYPE_NAMES} == TYPE_NAMES
