"""GGUF files byte by byte, right and wrong ones."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

UINT32, FLOAT32, BOOL, STRING, ARRAY, UINT64 = 4, 6, 7, 8, 9, 10
F32, Q4_0, Q4_1, Q8_0 = 0, 2, 3, 8


def text(value: str | bytes) -> bytes:
    data = value.encode() if isinstance(value, str) else value
    return struct.pack("<Q", len(data)) + data


def value(kind: int, data: bytes) -> bytes:
    return struct.pack("<I", kind) + data


def uint32(number: int) -> bytes:
    return value(UINT32, struct.pack("<I", number))


def array(kind: int, items: Iterable[bytes], count: int | None = None) -> bytes:
    """`count` is what it claims."""
    items = list(items)
    return value(ARRAY, struct.pack("<IQ", kind, len(items) if count is None else count) + b"".join(items))


@dataclass
class Listed:
    """A tensor as the header lists it; `shape` as there, the columns first."""

    name: str | bytes = "a"
    shape: tuple[int, ...] = (4, 2)
    kind: int = F32
    offset: int = 0

    def encoded(self) -> bytes:
        dimensions = struct.pack(f"<I{len(self.shape)}Q", len(self.shape), *self.shape)
        return text(self.name) + dimensions + struct.pack("<IQ", self.kind, self.offset)


def gguf_bytes(
    keys: Mapping[str, bytes] | Iterable[tuple[str, bytes]] = (),
    tensors: Iterable[Listed] = (),
    data: bytes = b"",
    *,
    magic: bytes = b"GGUF",
    version: int = 3,
    num_keys: int | None = None,
    num_tensors: int | None = None,
    alignment: int = 32,
) -> bytes:
    pairs, listed = list(dict(keys).items() if isinstance(keys, Mapping) else keys), list(tensors)
    head = magic + struct.pack(
        "<IQQ",
        version,
        len(listed) if num_tensors is None else num_tensors,
        len(pairs) if num_keys is None else num_keys,
    )
    head += b"".join(text(key) + encoded for key, encoded in pairs)
    head += b"".join(tensor.encoded() for tensor in listed)
    return head + bytes(-len(head) % alignment) + data


def gguf_file(folder: Path, content: bytes) -> Path:
    path = folder / "m.gguf"
    path.write_bytes(content)
    return path
