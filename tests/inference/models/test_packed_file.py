"""Packed files: what is written comes back mapped and aligned, and nothing damaged is taken for whole."""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.models import packed_file
from inference.models.packed_file import (
    ALIGNMENT,
    HEADER_BYTES,
    Array,
    PackedFileError,
    open_packed,
    write_packed,
)

KEY = bytes(range(32))
ARRAYS: dict[str, Array] = {
    "embedding": np.arange(66, dtype=np.uint16).reshape(6, 11),
    "norm": np.linspace(-1, 1, 5, dtype=np.float32),
    "layers.0.qkv": np.arange(130, dtype=np.uint8),
    "one": np.array([7], np.int32),
}


def write(path: Path, arrays: dict[str, Array] = ARRAYS, key: bytes = KEY) -> Path:
    with path.open("wb") as file:
        write_packed(file, key, arrays.items())
    return path


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return write(tmp_path_factory.mktemp("packed") / "x.packed").read_bytes()


def table_at(data: bytes) -> int:
    return int.from_bytes(data[28:36], "little")


def with_table(data: bytes, table: bytes) -> bytes:
    """A file as a writer would make it that had this table."""
    at = table_at(data)
    header = packed_file._HEADER.pack(
        packed_file.MAGIC,
        packed_file.VERSION,
        packed_file._ORDER,
        at + len(table),
        at,
        zlib.crc32(table),
        KEY,
    ).ljust(HEADER_BYTES - 4, b"\0")
    return header + zlib.crc32(header).to_bytes(4, "little") + data[HEADER_BYTES:at] + table


def test_arrays_come_back_mapped_aligned_and_read_only(tmp_path: Path) -> None:
    packed = open_packed(write(tmp_path / "x.packed"))
    packed.verify()
    arrays = packed.arrays()
    assert packed.key == KEY
    assert packed.data_bytes == sum(array.nbytes for array in ARRAYS.values())
    assert list(arrays) == list(ARRAYS)
    for name, array in arrays.items():
        assert array.dtype == ARRAYS[name].dtype
        np.testing.assert_array_equal(array, ARRAYS[name])
        assert array.ctypes.data % ALIGNMENT == 0
        assert not array.flags.writeable


def test_arrays_outlive_the_file_and_its_name(tmp_path: Path) -> None:
    path = write(tmp_path / "x.packed")
    array = open_packed(path).arrays()["embedding"]
    path.unlink()
    np.testing.assert_array_equal(array, ARRAYS["embedding"])


@given(
    st.dictionaries(
        st.text(min_size=1, max_size=20),
        st.tuples(st.sampled_from(packed_file.DTYPES), st.lists(st.integers(1, 40), min_size=1, max_size=3)),
        min_size=1,
        max_size=8,
    )
)
def test_any_arrays_come_back(tmp_path_factory: pytest.TempPathFactory, shapes: dict[str, tuple]) -> None:
    random = np.random.default_rng(0)
    arrays = {name: random.integers(0, 100, shape).astype(dtype) for name, (dtype, shape) in shapes.items()}
    packed = open_packed(write(tmp_path_factory.mktemp("any") / "x", arrays))
    packed.verify()
    for name, array in packed.arrays().items():
        assert array.dtype == arrays[name].dtype
        np.testing.assert_array_equal(array, arrays[name])


def test_every_truncation_is_told(tmp_path: Path, whole: bytes) -> None:
    path = tmp_path / "x.packed"
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(PackedFileError):
            open_packed(path)


def test_a_longer_file_is_told(tmp_path: Path, whole: bytes) -> None:
    path = tmp_path / "x.packed"
    path.write_bytes(whole + b"\0")
    with pytest.raises(PackedFileError, match=r"^\d+ bytes instead of \d+$"):
        open_packed(path)


def test_every_flipped_byte_of_header_and_table_is_told(tmp_path: Path, whole: bytes) -> None:
    path = tmp_path / "x.packed"
    for at in (*range(HEADER_BYTES), *range(table_at(whole), len(whole))):
        for mask in (0x01, 0x80, 0xFF):
            data = bytearray(whole)
            data[at] ^= mask
            path.write_bytes(data)
            with pytest.raises(PackedFileError):
                open_packed(path)


def test_every_flipped_bit_of_the_arrays_is_found_by_verifying(tmp_path: Path, whole: bytes) -> None:
    path = tmp_path / "x.packed"
    path.write_bytes(whole)
    for entry in open_packed(path).entries:
        for at in range(entry.offset, entry.offset + entry.size):
            data = bytearray(whole)
            data[at] ^= 1 << at % 8
            path.write_bytes(data)
            with pytest.raises(PackedFileError, match=f"{entry.name} is damaged"):
                open_packed(path).verify()


def test_a_file_of_another_byte_order_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(packed_file, "_ORDER", b"middle\0\0")
        path = write(tmp_path / "x.packed")
    with pytest.raises(PackedFileError, match="another version or byte order"):
        open_packed(path)


def changed(field: int, value: object) -> Callable[[list], object]:
    return lambda rows: [[*rows[0][:field], value, *rows[0][field + 1 :]], *rows[1:]]


# Tables whose checksum is right: by someone who means harm, or a writer with a mistake.
BAD_TABLES: dict[str, tuple[Callable[[list], object], str]] = {
    "no list": (lambda rows: {}, "no list"),
    "no arrays": (lambda rows: [], "no or too many"),
    "a short row": (lambda rows: [rows[0][:4]], "not a name"),
    "a row that is a number": (lambda rows: [3], "not a name"),
    "a name twice": (lambda rows: [*rows[:2], [rows[0][0], *rows[2][1:]], rows[3]], "two arrays"),
    "a name that is a number": (changed(0, 3), "no text"),
    "a long name": (changed(0, "x" * 201), "too long"),
    "objects": (changed(1, "object"), "dtype 'object' is not known"),
    "a dtype that is a list": (changed(1, ["uint8"]), "is not known"),
    "a negative dimension": (changed(2, [-6, -11]), "not counts"),
    "no dimension": (changed(2, []), "no list"),
    "a dimension that is a float": (changed(2, [66.0]), "not counts"),
    "a dimension that is true": (changed(2, [66, True]), "not counts"),
    "more than the file": (changed(2, [1 << 40]), "overlap"),
    "more than any file": (changed(2, [1 << 62] * 8), "overlap"),
    "less than there is": (changed(2, [1]), "leave a gap"),
    "a misaligned array": (changed(3, HEADER_BYTES + 2), "misaligned"),
    "an array in the header": (changed(3, 64), "overlap"),
    "an array at a negative place": (changed(3, -64), "not counts"),
    "arrays in another order": (lambda rows: rows[::-1], "overlap"),
    "a checksum that is a text": (changed(4, "1"), "not counts"),
    "an array left out": (lambda rows: rows[:-1], "gap"),
}


@pytest.mark.parametrize(("change", "cause"), BAD_TABLES.values(), ids=BAD_TABLES.keys())
def test_a_table_that_lies_is_refused(
    tmp_path: Path, whole: bytes, change: Callable[[list], object], cause: str
) -> None:
    rows = json.loads(whole[table_at(whole) :])
    path = tmp_path / "x.packed"
    path.write_bytes(with_table(whole, json.dumps(rows).encode()))
    open_packed(path).verify()
    path.write_bytes(with_table(whole, json.dumps(change(rows)).encode()))
    with pytest.raises(PackedFileError, match=f"its table is wrong: .*{cause}"):
        open_packed(path)


@pytest.mark.parametrize("table", [b"", b"[" * 100_000, b"\xff\xfe", b"[NaN]", b"nul"])
def test_a_table_that_is_none_is_refused(tmp_path: Path, whole: bytes, table: bytes) -> None:
    path = tmp_path / "x.packed"
    path.write_bytes(with_table(whole, table))
    with pytest.raises(PackedFileError, match="table is"):
        open_packed(path)


@given(data=st.binary(max_size=400))
def test_any_bytes_are_refused(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.mktemp("bytes") / "x"
    path.write_bytes(data)
    with pytest.raises(PackedFileError):
        open_packed(path)


def test_what_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(PackedFileError, match="not a file"):
        open_packed(tmp_path / "pipe")
    (tmp_path / "link").symlink_to(write(tmp_path / "x.packed"))
    with pytest.raises(OSError, match="symbolic links"):
        open_packed(tmp_path / "link")


@pytest.mark.parametrize(
    "arrays",
    [
        {"x": np.array([None], object)},
        {"x": np.zeros((0,), np.uint8)},
        {"x" * 201: np.zeros(1, np.uint8)},
        {"x": np.zeros(2, np.complex64)},
        {},
    ],
)
def test_what_no_reader_would_take_is_not_written(tmp_path: Path, arrays: dict[str, Array]) -> None:
    with pytest.raises(ValueError, match=r"not known|not counts|too long|too many"):
        write(tmp_path / "x", arrays)
