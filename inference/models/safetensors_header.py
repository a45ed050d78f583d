"""The header of a safetensors file, checked against the size of the file before anything else is read.

Layout (https://github.com/huggingface/safetensors#format): 8 bytes little-endian header length N, N bytes of
JSON, then the tensors, which tile the rest of the file without gap or overlap.
"""

from __future__ import annotations

import json
import math
from itertools import pairwise
from pathlib import Path
from typing import Any

from inference.model import ModelError
from inference.models.tensor_entry import TensorEntry

MAX_HEADER_BYTES = 100_000_000
ITEM_BYTES = {
    "BOOL": 1, "U8": 1, "I8": 1, "F8_E4M3": 1, "F8_E5M2": 1, "U16": 2, "I16": 2, "F16": 2, "BF16": 2,
    "U32": 4, "I32": 4, "F32": 4, "U64": 8, "I64": 8, "F64": 8,
}  # fmt: skip


def read_header(path: Path) -> dict[str, TensorEntry]:
    """Every tensor of a file by name.

    Raises:
        ModelError: naming the file, and what is missing, truncated, malformed or does not add up.
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if size < 8 or length > size - 8:
                raise ModelError(f"{path}: truncated: {size} bytes cannot hold the header it announces")
            if length > MAX_HEADER_BYTES:
                raise ModelError(f"{path}: a header of {length} bytes, the limit is {MAX_HEADER_BYTES}")
            header = json.loads(file.read(length))
    except OSError as error:
        raise ModelError(f"{path}: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{path}: not a safetensors file: {error}") from error
    if not isinstance(header, dict):
        raise ModelError(f"{path}: not a safetensors file: the header is no object")
    header.pop("__metadata__", None)
    start = 8 + length
    entries = {name: _entry(path, name, value, start) for name, value in header.items()}
    _check_tiling(path, entries, start, size)
    return entries


def _entry(path: Path, name: str, value: Any, start: int) -> TensorEntry:
    try:
        dtype, shape, (begin, end) = value["dtype"], tuple(value["shape"]), value["data_offsets"]
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(f"{path}: {name}: malformed entry") from error
    if not isinstance(dtype, str) or dtype not in ITEM_BYTES:
        raise ModelError(f"{path}: {name}: dtype {dtype!r:.40} is not known")
    if any(type(n) is not int or n < 0 for n in (*shape, begin, end)) or begin > end:
        raise ModelError(f"{path}: {name}: shape or offsets are not counts")
    if math.prod(shape) * ITEM_BYTES[dtype] != end - begin:
        raise ModelError(f"{path}: {name}: shape {list(shape)} of {dtype} does not fill {end - begin} bytes")
    return TensorEntry(path, name, dtype, shape, start + begin, start + end)


def _check_tiling(path: Path, entries: dict[str, TensorEntry], start: int, size: int) -> None:
    ordered = sorted((entry.begin - start, entry.end - start) for entry in entries.values())
    for (_, end), (begin, _) in pairwise([(0, 0), *ordered]):
        if end != begin:
            raise ModelError(f"{path}: tensors overlap or leave a gap at byte {min(begin, end)}")
    end, data_bytes = ordered[-1][1] if ordered else 0, size - start
    if end > data_bytes:
        raise ModelError(f"{path}: truncated: the tensors need {end} bytes, the file holds {data_bytes}")
    if end < data_bytes:
        raise ModelError(f"{path}: {data_bytes - end} bytes follow the last tensor")
