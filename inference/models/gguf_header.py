"""The header of a GGUF file, each count and size checked against the size of the file before it is used.

Layout (https://github.com/ggml-org/ggml/blob/master/docs/gguf.md), little-endian: "GGUF", version, number of
tensors, number of keys; the keys; of each tensor a name, a shape, a type and an offset; padding; the tensors.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import IO

from inference.model import ModelError
from inference.models.gguf_blocks import BLOCKS, TYPE_NAMES
from inference.models.gguf_metadata import Metadata, Scalar, Value

MAGIC = b"GGUF"
VERSIONS = (2, 3)
MAX_HEADER_BYTES = 64 << 20
"""That of a vocabulary of 150,000 tokens takes 6 MB."""
MAX_KEYS = MAX_TENSORS = 1 << 16
MAX_ITEMS = 1 << 20
MAX_STRING_BYTES = 1 << 20
MAX_NAME_BYTES = 64
MAX_DIMENSIONS = 4
DEFAULT_ALIGNMENT, MAX_ALIGNMENT = 32, 1 << 16
CHUNK = 1 << 20

STRING, ARRAY, BOOL = 8, 9, 7
SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", BOOL: "B", 10: "Q", 11: "q", 12: "d"}
"""Of the format's value types, for `struct`."""


@dataclass(frozen=True, slots=True)
class GgufTensor:
    """Rows of blocks; `begin` and `end` are byte offsets in the file. `shape` has the columns last."""

    type_name: str
    shape: tuple[int, ...]
    begin: int
    end: int


@dataclass(frozen=True, slots=True)
class GgufHeader:
    """What a file says of itself, in the file's own names."""

    path: Path
    metadata: Metadata
    tensors: dict[str, GgufTensor]


def read_gguf(path: Path) -> GgufHeader:
    """Read the header.

    Raises:
        ModelError: naming the file, and what is missing, truncated, too large, unknown or does not add up.
    """
    try:
        with path.open("rb") as file:
            return _header(path, _Cursor(file, path.stat().st_size))
    except OSError as error:
        raise ModelError(f"{path}: {error.strerror or error}") from error
    except ModelError as error:
        raise ModelError(f"{path}: {error}") from error


class _Cursor:
    """Walks a file, never reading more than CHUNK bytes beyond what it was asked for."""

    __slots__ = ("_data", "_file", "_next", "_size", "_start")

    def __init__(self, file: IO[bytes], size: int) -> None:
        self._file = file
        self._size = size
        self._data = b""
        self._start = self._next = 0  # of _data in the file, of what is not yet taken in _data

    @property
    def size(self) -> int:
        return self._size

    @property
    def position(self) -> int:
        return self._start + self._next

    @property
    def left(self) -> int:
        return self._size - self.position

    def take(self, count: int) -> bytes:
        """The next `count` bytes. Raises ModelError."""
        end = self._next + count
        if end > len(self._data):
            self._fill(count)
            end = count
        taken = self._data[self._next : end]
        self._next = end
        return taken

    def number(self, code: str) -> int:
        value: int = struct.unpack("<" + code, self.take(struct.calcsize(code)))[0]
        return value

    def count(self, what: str, limit: int, item_bytes: int) -> int:
        """A number of things of at least `item_bytes` each, which the file must hold. Raises ModelError."""
        count = self.number("Q")
        if count > limit:
            raise ModelError(f"{count} {what}, the limit is {limit}")
        if count * item_bytes > self.left:
            raise ModelError(f"truncated: {count} {what} do not fit into the {self.left} bytes that follow")
        return count

    def text(self, what: str, limit: int = MAX_STRING_BYTES) -> str:
        data = self.take(self.count(f"bytes of {what}", limit, 1))
        try:
            return data.decode()
        except UnicodeDecodeError as error:
            raise ModelError(f"{what} is not UTF-8") from error

    def _fill(self, count: int) -> None:
        position = self.position
        if count > self._size - position:
            raise ModelError(f"truncated: {self._size} bytes, the header goes on")
        if position + count > MAX_HEADER_BYTES:
            raise ModelError(f"a header of more than {MAX_HEADER_BYTES} bytes")
        rest = self._data[self._next :]
        self._data = rest + self._file.read(max(count - len(rest), CHUNK))
        self._start, self._next = position, 0
        if len(self._data) < count:
            raise ModelError("truncated while it was read")


def _header(path: Path, cursor: _Cursor) -> GgufHeader:
    if cursor.size < 24 or cursor.take(4) != MAGIC:
        raise ModelError("not a GGUF file")
    version = cursor.number("I")
    if version & 0xFFFF == 0:
        raise ModelError("big-endian; convert it to little-endian")
    if version not in VERSIONS:
        raise ModelError(f"version {version} of GGUF; this engine reads {' and '.join(map(str, VERSIONS))}")
    # A tensor takes a name's length, the number of dimensions, one of them, a type and an offset at least; a
    # key its length, a type and a byte.
    num_tensors = cursor.count("tensors", MAX_TENSORS, 32)
    num_keys = cursor.count("keys", MAX_KEYS, 13)
    metadata: dict[str, Value] = {}
    for _ in range(num_keys):
        key = cursor.text("a key", 1 << 16)
        if key in metadata:
            raise ModelError(f"the key {key!r:.80} is there twice")
        metadata[key] = _value(cursor, key)
    alignment = metadata.get("general.alignment", DEFAULT_ALIGNMENT)
    if type(alignment) is not int or not 8 <= alignment <= MAX_ALIGNMENT or alignment & (alignment - 1):
        raise ModelError(f"general.alignment {alignment!r:.40} is no power of two from 8 to {MAX_ALIGNMENT}")
    listed: dict[str, GgufTensor] = {}
    for _ in range(num_tensors):
        name = cursor.text("a tensor's name", MAX_NAME_BYTES)
        if name in listed:
            raise ModelError(f"the tensor {name!r} is there twice")
        listed[name] = _tensor(cursor, name, alignment)
    start = -(-cursor.position // alignment) * alignment
    tensors = {
        name: GgufTensor(tensor.type_name, tensor.shape, start + tensor.begin, start + tensor.end)
        for name, tensor in listed.items()
    }
    _check_places(tensors, cursor.size)
    return GgufHeader(path, Metadata(metadata), tensors)


def _value(cursor: _Cursor, key: str) -> Value:
    kind = cursor.number("I")
    if kind == STRING:
        return cursor.text(f"{key:.80}")
    if kind == ARRAY:
        return _array(cursor, key)
    if kind not in SCALARS:
        raise ModelError(f"{key:.80} has a value of the unknown type {kind}")
    return _scalars(cursor, key, kind, 1)[0]


def _array(cursor: _Cursor, key: str) -> list[Scalar]:
    kind = cursor.number("I")
    if kind == STRING:
        items = cursor.count(f"strings in {key:.80}", MAX_ITEMS, 8)
        return [cursor.text(f"{key:.80}") for _ in range(items)]
    if kind not in SCALARS:
        raise ModelError(f"{key:.80} is an array of arrays or of the unknown type {kind}")
    width = struct.calcsize(SCALARS[kind])
    return _scalars(cursor, key, kind, cursor.count(f"items in {key:.80}", MAX_ITEMS, width))


def _scalars(cursor: _Cursor, key: str, kind: int, count: int) -> list[Scalar]:
    code = SCALARS[kind]
    values = struct.unpack(f"<{count}{code}", cursor.take(count * struct.calcsize(code)))
    if kind != BOOL:
        return list(values)
    if any(value > 1 for value in values):
        raise ModelError(f"{key:.80} holds a truth value that is neither 0 nor 1")
    return [value == 1 for value in values]


def _tensor(cursor: _Cursor, name: str, alignment: int) -> GgufTensor:
    """With offsets from where the tensors begin."""
    num_dimensions = cursor.number("I")
    if not 1 <= num_dimensions <= MAX_DIMENSIONS:
        raise ModelError(f"{name}: {num_dimensions} dimensions; from 1 to {MAX_DIMENSIONS} can be")
    shape = tuple(cursor.number("Q") for _ in range(num_dimensions))[::-1]
    kind, offset = cursor.number("I"), cursor.number("Q")
    type_name = TYPE_NAMES.get(kind, f"the unknown type {kind}")
    block = BLOCKS.get(type_name)
    if block is None:
        raise ModelError(f"{name} is {type_name}; this engine reads {', '.join(BLOCKS)}")
    if min(shape) < 1 or shape[-1] % block.weights:
        raise ModelError(f"{name}: shape {list(shape)} is no whole number of {type_name}'s blocks")
    if offset % alignment:
        raise ModelError(f"{name}: misaligned: at offset {offset}, no multiple of {alignment}")
    return GgufTensor(type_name, shape, offset, offset + math.prod(shape) // block.weights * block.bytes)


def _check_places(tensors: dict[str, GgufTensor], size: int) -> None:
    ordered = sorted(tensors.items(), key=lambda item: item[1].begin)
    for name, tensor in ordered:
        if tensor.end > size:
            raise ModelError(f"truncated: {name} ends at byte {tensor.end}, the file has {size}")
    for (_, before), (name, tensor) in pairwise(ordered):
        if tensor.begin < before.end:
            raise ModelError(f"{name} overlaps the tensor before it at byte {tensor.begin}")
