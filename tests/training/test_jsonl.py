from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from training.jsonl import DataError, read_records


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"a": "x"}\n{"a": 1}\n', r"data:2: field 'a' must be str, not int"),
        (b'{"a": "x"}\n\n{}\n', r"data:3: field 'a' is missing"),
        (b'{"a": "x"}\n[1]\n', r"data:2: an object was expected, not list"),
        (b'{"a": "x"}\n{"a": \n', r"data:2: not JSON: .* at column"),
        (b'{"a": "x"}\n\xff\xfe\n', r"data:\d: not UTF-8"),
    ],
)
def test_a_mistake_is_named_by_file_and_line(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "data"
    path.write_bytes(content)
    with pytest.raises(DataError, match=message):
        list(read_records(path, {"a": str}))


def test_plain_and_gzipped_files_are_read_and_blank_lines_left_out(tmp_path: Path) -> None:
    text = '{"a": "x", "more": 1}\n\n{"a": "y"}\n'
    (tmp_path / "plain").write_text(text)
    with gzip.open(tmp_path / "packed.gz", "wt") as file:
        file.write(text)
    expected = [{"a": "x", "more": 1}, {"a": "y"}]
    assert list(read_records(tmp_path / "plain", {"a": str})) == expected
    assert list(read_records(tmp_path / "packed.gz", {"a": str})) == expected


def test_a_missing_or_broken_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="nowhere: there is no such file"):
        list(read_records(tmp_path / "nowhere", {}))
    (tmp_path / "broken.gz").write_bytes(b"not gzip at all")
    with pytest.raises(DataError, match=r"broken\.gz"):
        list(read_records(tmp_path / "broken.gz", {}))
    with pytest.raises(DataError, match=str(tmp_path)):
        list(read_records(tmp_path, {}))
