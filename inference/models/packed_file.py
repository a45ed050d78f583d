"""Named arrays in one file that is mapped, not read: weights as the native forward pass wants them.

    header   HEADER_BYTES: magic, version, byte order, the file's size, where the table is, its CRC-32, the
             key of what the file was made from; zeros; in the last four bytes the CRC-32 of all before
    arrays   each begins at a multiple of ALIGNMENT bytes, in the byte order of the machine that wrote it
    table    JSON to the file's end: [[name, dtype, shape, offset, CRC-32], …] in the order of offsets

Every size is checked against the file before it is used. The mapping is read-only and shared: processes with
the same weights hold them in memory once. Whoever replaces such a file renames a new one over it; one that is
cut or written to while it is mapped ends its readers, as every mapped file does.
"""

from __future__ import annotations

import json
import math
import mmap
import os
import stat
import struct
import sys
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.generic]

MAGIC = b"MIDFPACK"
VERSION = 1
ALIGNMENT = 64
"""Bytes: a cache line, and the widest load there is."""
HEADER_BYTES = 128
KEY_BYTES = 32
MAX_TABLE_BYTES = 16 << 20
MAX_ARRAYS = 1 << 16
MAX_NAME = 200
DTYPES = ("uint8", "int8", "uint16", "int16", "uint32", "int32", "float16", "float32")
_HEADER = struct.Struct(f"<8sI8sQQI{KEY_BYTES}s")
_CHECKSUM = struct.Struct("<I")
_ORDER = sys.byteorder.encode().ljust(8, b"\0")


class PackedFileError(Exception):
    """The file cannot be used; the text says why, without the file's name."""


@dataclass(frozen=True, slots=True)
class Entry:
    """Where one array lies; `checksum` is the CRC-32 of its bytes."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    offset: int
    checksum: int

    @property
    def size(self) -> int:
        """Bytes."""
        return math.prod(self.shape) * np.dtype(self.dtype).itemsize


@dataclass(frozen=True, slots=True)
class PackedFile:
    """A file whose header and table are sound. `owner` is the id of the user it belongs to."""

    path: Path
    owner: int
    key: bytes
    entries: tuple[Entry, ...]
    mapping: mmap.mmap

    @property
    def data_bytes(self) -> int:
        """Of all arrays."""
        return sum(entry.size for entry in self.entries)

    def arrays(self) -> dict[str, Array]:
        """Every array by name, read-only; the mapping lives as long as one of them."""
        return {
            entry.name: np.frombuffer(
                self.mapping, entry.dtype, math.prod(entry.shape), entry.offset
            ).reshape(entry.shape)
            for entry in self.entries
        }

    def verify(self) -> None:
        """Reads every array.

        Raises:
            PackedFileError: one is not what was written.
        """
        view = memoryview(self.mapping)
        for entry in self.entries:
            if zlib.crc32(view[entry.offset : entry.offset + entry.size]) != entry.checksum:
                raise PackedFileError(f"{entry.name} is damaged")


def write_packed(file: BinaryIO, key: bytes, arrays: Iterable[tuple[str, Array]]) -> None:
    """Fill an empty file. The arrays are taken one by one, so that they need not all be in memory.

    Raises:
        ValueError: a name, dtype or shape that no reader would take; a key that is not KEY_BYTES long.
        OSError: the disk is full, or what else a disk may have.
    """
    if len(key) != KEY_BYTES:
        raise ValueError(f"a key of {len(key)} bytes")
    offset = HEADER_BYTES
    rows = []
    for name, given in arrays:
        if given.dtype.name not in DTYPES:
            raise ValueError(f"{name}: dtype {given.dtype} is not known")
        array = np.ascontiguousarray(given)
        offset += -offset % ALIGNMENT
        file.seek(offset)
        file.write(array.data)
        rows.append([name, array.dtype.name, list(array.shape), offset, zlib.crc32(array.data)])
        offset += array.nbytes
    file.seek(offset)
    table = json.dumps(rows).encode()
    _entries(table, offset)
    file.write(table)
    header = _HEADER.pack(MAGIC, VERSION, _ORDER, offset + len(table), offset, zlib.crc32(table), key)
    header = header.ljust(HEADER_BYTES - _CHECKSUM.size, b"\0")
    file.seek(0)
    file.write(header + _CHECKSUM.pack(zlib.crc32(header)))
    file.flush()


def open_packed(path: Path) -> PackedFile:
    """Map a file and check its header and its table, but not its arrays: see `PackedFile.verify`.

    Raises:
        PackedFileError: it is no such file, of another version or byte order, cut short or damaged.
        OSError: it is not there or cannot be read.
    """
    # Neither a link nor a pipe: what waits there may not be ours.
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise PackedFileError("not a file")
        if status.st_size < HEADER_BYTES:
            raise PackedFileError(f"truncated: {status.st_size} bytes")
        mapping = mmap.mmap(descriptor, status.st_size, access=mmap.ACCESS_READ)
    finally:
        os.close(descriptor)
    header = mapping[:HEADER_BYTES]
    magic, version, order, size, table_at, checksum, key = _HEADER.unpack_from(header)
    if magic != MAGIC:
        raise PackedFileError("not a file of packed weights")
    if version != VERSION or order != _ORDER:
        raise PackedFileError("of another version or byte order")
    if zlib.crc32(header[: -_CHECKSUM.size]) != _CHECKSUM.unpack(header[-_CHECKSUM.size :])[0]:
        raise PackedFileError("its header is damaged")
    if size != len(mapping):
        raise PackedFileError(f"{len(mapping)} bytes instead of {size}")
    if not HEADER_BYTES <= table_at < size or size - table_at > MAX_TABLE_BYTES:
        raise PackedFileError("its table is outside the file, or too long")
    table = mapping[table_at:]
    if zlib.crc32(table) != checksum:
        raise PackedFileError("its table is damaged")
    try:
        return PackedFile(path, status.st_uid, key, _entries(table, table_at), mapping)
    except ValueError as error:
        raise PackedFileError(f"its table is wrong: {error}") from error


def _entries(table: bytes, data_end: int) -> tuple[Entry, ...]:
    """Raises ValueError."""
    try:
        rows = json.loads(table)
    except RecursionError as error:
        raise ValueError("it is nested") from error
    if not isinstance(rows, list) or not 0 < len(rows) <= MAX_ARRAYS:
        raise ValueError("it is no list, or of no or too many arrays")
    entries = tuple(map(_entry, rows))
    if len({entry.name for entry in entries}) != len(entries):
        raise ValueError("two arrays have one name")
    ends = [(HEADER_BYTES, HEADER_BYTES), *((entry.offset, entry.offset + entry.size) for entry in entries)]
    for (_, end), (begin, _) in pairwise([*ends, (data_end, data_end)]):
        if not end <= begin < end + ALIGNMENT:
            raise ValueError(f"arrays overlap, leave a gap or the file at byte {begin}")
    return entries


def _entry(row: Any) -> Entry:
    if not isinstance(row, list) or len(row) != 5:
        raise ValueError("not a name, dtype, shape, offset and checksum")
    name, dtype, shape, offset, checksum = row
    if not isinstance(name, str) or not 0 < len(name) <= MAX_NAME:
        raise ValueError("a name is no text, or too long")
    if dtype not in DTYPES:
        raise ValueError(f"{name}: dtype {dtype!r:.40} is not known")
    if not isinstance(shape, list) or not 0 < len(shape) <= 8:
        raise ValueError(f"{name}: shape is no list")
    if any(type(n) is not int or not 0 < n < 1 << 63 for n in (*shape, offset)) or type(checksum) is not int:
        raise ValueError(f"{name}: shape or offset are not counts")
    if offset % ALIGNMENT:
        raise ValueError(f"{name}: misaligned, at byte {offset}")
    return Entry(name, dtype, tuple(shape), offset, checksum)
