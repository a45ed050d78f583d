"""`.midfillignore`, asked about one file."""

from pathlib import Path

import pytest

from lsp_server.policy.ignore_file import is_ignored


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_files_of_all_folders_around_it_count(tmp_path: Path) -> None:
    write(tmp_path / "a/.midfillignore", "*.key.py\n/b/closed/\n")
    for path in ("a/x.key.py", "a/b/c/x.key.py", "a/b/closed/x.py", "a/b/closed/d/x.py"):
        assert is_ignored(tmp_path / path) is not None, path
    for path in ("x.key.py", "a/x.py", "a/closed/x.py", "a/b/closed"):
        assert is_ignored(tmp_path / path) is None, path


def test_an_inner_file_goes_before_an_outer_one_but_not_into_what_is_closed(tmp_path: Path) -> None:
    write(tmp_path / ".midfillignore", "*.py\nclosed/\n")
    write(tmp_path / "a/.midfillignore", "!keep.py\n")
    write(tmp_path / "closed/.midfillignore", "!keep.py\n")
    assert is_ignored(tmp_path / "a/keep.py") is None
    assert is_ignored(tmp_path / "a/other.py") is not None
    assert is_ignored(tmp_path / "closed/keep.py") is not None


@pytest.mark.parametrize("text", ["[z-a]\n", "a\n" * 600_000])
def test_one_that_cannot_be_read_hides_all_beneath_it(tmp_path: Path, text: str) -> None:
    write(tmp_path / "a/.midfillignore", text)
    assert ".midfillignore" in str(is_ignored(tmp_path / "a/b/x.py"))
    assert is_ignored(tmp_path / "x.py") is None


def test_a_link_hides_all_beneath_it(tmp_path: Path) -> None:
    (tmp_path / ".midfillignore").symlink_to("/dev/null")
    assert "symbolic link" in str(is_ignored(tmp_path / "x.py"))


def test_no_pattern_takes_for_ever(tmp_path: Path) -> None:
    write(tmp_path / ".midfillignore", "*a" * 20 + "*b\n")
    assert is_ignored(tmp_path / ("a" * 250)) is None
