"""A header is believed only as far as the file's size bears it out."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import save_file

from inference.model import ModelError
from inference.models.safetensors_header import read_header
from inference.models.tensor_entry import TensorEntry


def file_of(tmp_path, header, data=b""):
    body = header if isinstance(header, bytes) else json.dumps(header).encode()
    path = tmp_path / "model.safetensors"
    path.write_bytes(len(body).to_bytes(8, "little") + body + data)
    return path


def entry(begin, end, shape=None, dtype="U8"):
    return {"dtype": dtype, "shape": [end - begin] if shape is None else shape, "data_offsets": [begin, end]}


def test_what_safetensors_writes_is_read(tmp_path):
    path = tmp_path / "a.safetensors"
    save_file(
        {"a": np.zeros((2, 3), np.float32), "b": np.zeros((0, 4), np.int8), "c": np.zeros((), np.float16)},
        path,
    )
    entries = read_header(path)
    assert {name: (e.dtype, e.shape, e.end - e.begin) for name, e in entries.items()} == {
        "a": ("F32", (2, 3), 24),
        "b": ("I8", (0, 4), 0),
        "c": ("F16", (), 2),
    }


def test_metadata_is_no_tensor(tmp_path):
    path = file_of(tmp_path, {"__metadata__": {"format": "pt"}, "a": entry(0, 3)}, b"abc")
    size = path.stat().st_size
    assert read_header(path) == {"a": TensorEntry(path, "a", "U8", (3,), size - 3, size)}


BAD = {
    "empty file": (b"", None, "truncated"),
    "header longer than the file": ((1 << 40).to_bytes(8, "little") + b"{}", None, "truncated"),
    "not JSON": ({}, b"\x80\x04pickle", "not a safetensors file"),
    "deep nesting": ({}, b"[" * 200_000, "not a safetensors file"),
    "no object": ([], b"", "no object"),
    "truncated data": (
        {"a": entry(0, 100)},
        b"x" * 99,
        "truncated: the tensors need 100 bytes, the file holds 99",
    ),
    "trailing data": ({"a": entry(0, 3)}, b"x" * 5, "2 bytes follow the last tensor"),
    "overlap": ({"a": entry(0, 4), "b": entry(2, 6)}, b"x" * 6, "overlap or leave a gap at byte 2"),
    "gap": ({"a": entry(0, 4), "b": entry(6, 8)}, b"x" * 8, "overlap or leave a gap at byte 4"),
    "shape beyond the bytes": ({"a": entry(0, 4, [1 << 60])}, b"x" * 4, "does not fill 4 bytes"),
    "negative shape": ({"a": entry(0, 4, [-2, -2])}, b"x" * 4, "not counts"),
    "offsets reversed": ({"a": entry(4, 0, [0])}, b"x" * 4, "not counts"),
    "fractional shape": ({"a": entry(0, 4, [4.0])}, b"x" * 4, "not counts"),
    "unknown dtype": ({"a": entry(0, 4, dtype="Q4")}, b"x" * 4, "dtype 'Q4' is not known"),
    "no offsets": ({"a": {"dtype": "U8", "shape": []}}, b"", "a: malformed entry"),
    "entry is a number": ({"a": 5}, b"", "a: malformed entry"),
}


@pytest.mark.parametrize(("header", "data", "cause"), BAD.values(), ids=BAD.keys())
def test_what_is_wrong_is_named(tmp_path, header, data, cause):
    if data is None:
        path = tmp_path / "model.safetensors"
        path.write_bytes(header)
    elif header == {}:
        path = file_of(tmp_path, data)
    else:
        path = file_of(tmp_path, header, data)
    with pytest.raises(ModelError, match=cause) as caught:
        read_header(path)
    assert "model.safetensors" in str(caught.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ModelError, match=r"model\.safetensors: No such file"):
        read_header(tmp_path / "model.safetensors")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
)
ENTRY = st.fixed_dictionaries(
    {
        "dtype": st.sampled_from(["U8", "F32"]) | JSON,
        "shape": st.lists(st.integers(-1, 4)) | JSON,
        "data_offsets": JSON,
    }
)


@given(header=st.dictionaries(st.text(max_size=3), ENTRY | JSON, max_size=3), data=st.binary(max_size=20))
def test_any_header_is_read_or_refused(tmp_path_factory, header, data):
    path = file_of(tmp_path_factory.mktemp("h"), header, data)
    try:
        entries = read_header(path)
    except ModelError:
        return
    assert sum(e.end - e.begin for e in entries.values()) == len(data)
