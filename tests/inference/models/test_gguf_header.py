"""A GGUF header is believed only as far as the file's size bears it out."""

from __future__ import annotations

import struct
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gguf import GGMLQuantizationType, GGUFWriter
from gguf.quants import quantize
from hypothesis import given
from hypothesis import strategies as st

from inference.model import ModelError
from inference.models.gguf_header import MAX_HEADER_BYTES, GgufTensor, read_gguf
from tests.inference.models.gguf_file import (
    ARRAY,
    BOOL,
    F32,
    FLOAT32,
    Q4_1,
    Q8_0,
    STRING,
    UINT32,
    Listed,
    array,
    gguf_bytes,
    gguf_file,
    text,
    uint32,
    value,
)  # fmt: skip

HUGE = 1 << 40
DATA = bytes(32)


def test_what_gguf_writes_is_read(tmp_path: Path) -> None:
    path = tmp_path / "m.gguf"
    writer = GGUFWriter(path, "qwen3moe")
    writer.add_uint8("t.u8", 200)
    writer.add_int64("t.i64", -(1 << 40))
    writer.add_float64("t.f64", 0.1)
    writer.add_bool("t.bool", True)
    writer.add_array("t.words", ["a", "", "ä€"])
    writer.add_array("t.numbers", [1, -2, 3])
    weights = np.random.default_rng(0).standard_normal((3, 64)).astype(np.float32)
    packed = quantize(weights, GGMLQuantizationType.Q8_0)
    writer.add_tensor("first", weights)
    writer.add_tensor("second", packed, raw_dtype=GGMLQuantizationType.Q8_0)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    header = read_gguf(path)
    assert header.metadata.under("t.") == {
        "u8": 200, "i64": -(1 << 40), "f64": 0.1, "bool": True, "words": ["a", "", "ä€"],
        "numbers": [1, -2, 3],
    }  # fmt: skip
    assert header.metadata.text("general.architecture") == "qwen3moe"
    first, second = header.tensors["first"], header.tensors["second"]
    content = path.read_bytes()
    assert (first.type_name, first.shape) == ("F32", (3, 64))
    assert content[first.begin : first.end] == weights.tobytes()
    assert (second.type_name, second.shape) == ("Q8_0", (3, 64))
    assert content[second.begin : second.end] == packed.tobytes()


def test_versions_two_and_three_are_one_layout(tmp_path: Path) -> None:
    for version in (2, 3):
        path = gguf_file(tmp_path, gguf_bytes({"k": uint32(7)}, [Listed()], DATA, version=version))
        start = path.stat().st_size - 32
        assert read_gguf(path).tensors == {"a": GgufTensor("F32", (2, 4), start, start + 32)}


def test_tensors_begin_where_the_file_says(tmp_path: Path) -> None:
    content = gguf_bytes({"general.alignment": uint32(512)}, [Listed()], DATA, alignment=512)
    assert read_gguf(gguf_file(tmp_path, content)).tensors["a"].begin == 512


BAD = {
    "empty": (b"", "not a GGUF file"),
    "another format": (b"PK\x03\x04" + bytes(40), "not a GGUF file"),
    "version 1": (gguf_bytes(version=1), "version 1 of GGUF"),
    "big-endian": (gguf_bytes(version=3 << 24), "big-endian"),
    "keys without end": (gguf_bytes(num_keys=HUGE), f"{HUGE} keys, the limit"),
    "more keys than bytes": (
        gguf_bytes(num_keys=60_000),
        "truncated: 60000 keys do not fit into the 8 bytes",
    ),
    "tensors without end": (gguf_bytes(num_tensors=HUGE), f"{HUGE} tensors, the limit"),
    "more tensors than bytes": (gguf_bytes(num_tensors=9), "truncated: 9 tensors do not fit"),
    "a long key": (gguf_bytes([("k" * 70_000, uint32(1))]), "70000 bytes of a key, the limit is 65536"),
    "a key twice": (gguf_bytes([("k", uint32(1)), ("k", uint32(2))]), "the key 'k' is there twice"),
    "a key that is no text": (gguf_bytes(num_keys=1)[:24] + text(b"\xff") + uint32(1), "a key is not UTF-8"),
    "text beyond the file": (
        gguf_bytes({"k": value(STRING, struct.pack("<Q", 1000))}),
        r"truncated: 1000 bytes of k do not fit",
    ),
    "text without end": (gguf_bytes({"k": value(STRING, struct.pack("<Q", HUGE))}), "the limit is 1048576"),
    "text that is none": (gguf_bytes({"k": value(STRING, text(b"\xc3("))}), "k is not UTF-8"),
    "an unknown value": (gguf_bytes({"k": value(13, bytes(8))}), "k has a value of the unknown type 13"),
    "neither true nor false": (gguf_bytes({"k": value(BOOL, b"\x02")}), "neither 0 nor 1"),
    "an array of arrays": (gguf_bytes({"k": array(ARRAY, [bytes(12)])}), "k is an array of arrays"),
    "an array without end": (gguf_bytes({"k": array(UINT32, [], HUGE)}), f"{HUGE} items in k, the limit"),
    "an array beyond the file": (
        gguf_bytes({"k": array(UINT32, [bytes(4)], 1000)}),
        "truncated: 1000 items in k do not fit",
    ),
    "texts beyond the file": (
        gguf_bytes({"k": array(STRING, [text("a")], 1000)}),
        "truncated: 1000 strings in k do not fit",
    ),
    "alignment zero": (gguf_bytes({"general.alignment": uint32(0)}), "alignment 0 is no power of two"),
    "alignment 48": (gguf_bytes({"general.alignment": uint32(48)}), "alignment 48 is no power of two"),
    "alignment that is no number": (
        gguf_bytes({"general.alignment": value(STRING, text("32"))}),
        "alignment '32' is no power of two",
    ),
    "a tensor twice": (gguf_bytes((), [Listed(), Listed(offset=32)], 2 * DATA), "'a' is there twice"),
    "a long name": (gguf_bytes((), [Listed("n" * 65)], DATA), "65 bytes of a tensor's name, the limit is 64"),
    "no dimension": (gguf_bytes((), [Listed(shape=())], DATA), "a: 0 dimensions"),
    "five dimensions": (gguf_bytes((), [Listed(shape=(1,) * 5)], DATA), "a: 5 dimensions"),
    "an empty tensor": (
        gguf_bytes((), [Listed(shape=(4, 0))], DATA),
        r"a: shape \[0, 4\] is no whole number",
    ),
    "half a block": (
        gguf_bytes((), [Listed(shape=(16, 2), kind=Q8_0)], DATA),
        r"a: shape \[2, 16\] is no whole number of Q8_0's blocks",
    ),
    "a quantisation we cannot read": (
        gguf_bytes((), [Listed(kind=Q4_1)], DATA),
        "a is Q4_1; this engine reads",
    ),
    "an unknown quantisation": (gguf_bytes((), [Listed(kind=999)], DATA), "a is the unknown type 999"),
    "misaligned": (gguf_bytes((), [Listed(offset=8)], 2 * DATA), "a: misaligned: at offset 8"),
    "data cut off": (gguf_bytes((), [Listed()], DATA[:-1]), r"truncated: a ends at byte \d+, the file has"),
    "larger than the file": (gguf_bytes((), [Listed(shape=(1 << 62, 4))], DATA), "truncated: a ends at byte"),
    "beyond the file": (gguf_bytes((), [Listed(offset=HUGE)], DATA), "truncated: a ends at byte"),
    "overlap": (
        gguf_bytes((), [Listed(shape=(16,)), Listed("b", (8,), F32, 32)], 2 * DATA),
        "b overlaps the tensor before it",
    ),
}


@pytest.mark.parametrize(("content", "cause"), BAD.values(), ids=BAD.keys())
def test_what_does_not_add_up_is_told(tmp_path: Path, content: bytes, cause: str) -> None:
    with pytest.raises(ModelError, match=cause) as caught:
        read_gguf(gguf_file(tmp_path, content))
    assert str(caught.value).startswith(str(tmp_path / "m.gguf: "))


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"no\.gguf: No such file"):
        read_gguf(tmp_path / "no.gguf")


def test_a_header_has_an_end(tmp_path: Path) -> None:
    words = array(STRING, [text(bytes(1 << 20))] * 70)
    assert len(words) > MAX_HEADER_BYTES
    with pytest.raises(ModelError, match="a header of more than"):
        read_gguf(gguf_file(tmp_path, gguf_bytes({"k": words})))


def test_claims_cost_no_memory(tmp_path: Path) -> None:
    """A file of zeros, 1 GB of them by its size, that claims as much as the limits let it."""
    path = gguf_file(tmp_path, gguf_bytes({"k": array(UINT32, [], 1 << 20)}))
    with path.open("ab") as file:
        file.truncate(1 << 30)
    tracemalloc.start()
    try:
        read_gguf(path)
        assert tracemalloc.get_traced_memory()[1] < 32 << 20
    finally:
        tracemalloc.stop()


SOUND = gguf_bytes(
    {
        "general.alignment": uint32(32),
        "t": array(STRING, [text("ab"), text("c")]),
        "n": array(FLOAT32, [bytes(4)] * 5),
        "b": value(BOOL, b"\x01"),
    },
    [Listed(), Listed("b", (32, 2), Q8_0, 32)],
    DATA + bytes(68),
)


@given(st.data())
def test_any_prefix_and_any_flipped_byte_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, data: Any
) -> None:
    content = bytearray(SOUND[: data.draw(st.integers(0, len(SOUND)))])
    for _ in range(data.draw(st.integers(0, 4)) if content else 0):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.getbasetemp() / "fuzzed.gguf"
    path.write_bytes(content)
    try:
        header = read_gguf(path)
    except ModelError as error:
        assert str(error).startswith(f"{path}: ")
        return
    for tensor in header.tensors.values():
        assert 0 <= tensor.begin < tensor.end <= len(content)


def test_every_prefix_of_a_file_is_refused(tmp_path: Path) -> None:
    for length in range(len(SOUND)):
        with pytest.raises(ModelError, match=r"truncated|not a GGUF"):
            read_gguf(gguf_file(tmp_path, SOUND[:length]))
    assert set(read_gguf(gguf_file(tmp_path, SOUND)).tensors) == {"a", "b"}
