"""Which entries of a folder are ignored, by the files of its own and of the folders around it."""

from __future__ import annotations

from pathlib import Path

import pytest

from lsp_server.index.ignore import Rules, UnclearError


@pytest.fixture(autouse=True)
def no_list_of_the_users(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def ignored(root: Path, path: str) -> bool:
    """Whether a path is ignored, itself or by one of its folders; a path ending in "/" is a folder."""
    rules, at = Rules.of_workspace(root), root
    parts = path.rstrip("/").split("/")
    for part in parts[:-1]:
        if rules.ignore(part, True):
            return True
        at = at / part
        rules = rules.inside(part, at)
    return rules.ignore(parts[-1], path.endswith("/"))


CASES = [
    # pattern, ignored, not ignored
    ("*.log", ["a.log", "b/c.log"], ["a.py", "log"]),
    ("/top.py", ["top.py"], ["a/top.py"]),
    ("build/", ["build/", "a/build/", "build/x.py"], ["build"]),
    ("a/b.py", ["a/b.py"], ["c/a/b.py"]),
    ("**/b.py", ["b.py", "a/c/b.py"], ["bb.py"]),
    ("a/**", ["a/b.py", "a/b/c.py"], ["b/a.py"]),
    ("a/**/d.py", ["a/d.py", "a/b/c/d.py"], ["d.py"]),
    ("*.py\n!keep.py", ["a.py"], ["keep.py", "b/keep.py"]),
    ("!keep.py\n*.py", ["keep.py"], []),
    ("/*\n!/src", ["a.py", "b/c.py"], ["src/", "src/a.py"]),
    ("gone/\n!gone/a.py", ["gone/a.py"], []),
    ("# a comment\n\n  \nb.py", ["b.py"], ["# a comment"]),
    ("\\#a\n\\!b", ["#a", "!b"], ["a", "b"]),
    ("file?.py\n[ab].py\n[!c]x.py", ["file1.py", "a.py", "dx.py"], ["file12.py", "c.py", "cx.py"]),
    ("trailing.py   ", ["trailing.py"], []),
    ("a b.py", ["a b.py"], ["a"]),
    ("!\n/\n[z-a]\nb.py", ["b.py"], ["a.py"]),  # lines that are no patterns
]


@pytest.mark.parametrize(("patterns", "yes", "no"), CASES)
def test_patterns_are_gits(tmp_path: Path, patterns: str, yes: list[str], no: list[str]) -> None:
    write(tmp_path / ".gitignore", patterns + "\n")
    assert [path for path in yes if not ignored(tmp_path, path)] == []
    assert [path for path in no if ignored(tmp_path, path)] == []


def test_an_inner_file_goes_before_an_outer_one(tmp_path: Path) -> None:
    write(tmp_path / ".gitignore", "*.py\n")
    write(tmp_path / "a/.gitignore", "!*.py\nb/\n/own.py\n")
    assert ignored(tmp_path, "x.py")
    assert not ignored(tmp_path, "a/x.py")
    assert ignored(tmp_path, "a/b/")
    assert ignored(tmp_path, "a/own.py")
    assert not ignored(tmp_path, "a/c/own.py")


def test_what_either_kind_of_file_ignores_is_ignored(tmp_path: Path) -> None:
    write(tmp_path / ".gitignore", "a.py\n!b.py\n")
    write(tmp_path / ".midfillignore", "b.py\n!a.py\n")
    assert ignored(tmp_path, "a.py")
    assert ignored(tmp_path, "b.py")
    assert not ignored(tmp_path, "c.py")


def test_gits_own_lists_count(tmp_path: Path) -> None:
    write(tmp_path / ".git/info/exclude", "mine.py\n")
    write(tmp_path / "config/git/ignore", "*.swp\n")
    assert ignored(tmp_path, "a/mine.py")
    assert ignored(tmp_path, "a.swp")


def test_a_line_of_a_midfillignore_that_is_no_pattern_leaves_the_folder_out(tmp_path: Path) -> None:
    write(tmp_path / "a/.midfillignore", "b.py\n[z-a].py\n")
    with pytest.raises(UnclearError, match=r"a/\.midfillignore, line 2"):
        Rules.of_workspace(tmp_path).inside("a", tmp_path / "a")


def test_an_ignore_file_that_cannot_be_read_leaves_the_folder_out(tmp_path: Path) -> None:
    (tmp_path / ".gitignore").symlink_to("/etc/hostname")
    with pytest.raises(UnclearError, match="a symbolic link"):
        Rules.of_workspace(tmp_path)
    (tmp_path / ".gitignore").unlink()
    write(tmp_path / ".gitignore", "a\n" * 600_000)
    with pytest.raises(UnclearError, match="larger than"):
        Rules.of_workspace(tmp_path)


def test_a_pattern_with_many_stars_takes_no_time(tmp_path: Path) -> None:
    write(tmp_path / ".gitignore", "*a" * 12 + "*b\n")
    rules = Rules.of_workspace(tmp_path)
    assert not rules.ignore("a" * 250, False)  # which Python's own regexes would never end with
    assert rules.ignore("a" * 250 + "b", False)


def test_thousands_of_patterns_are_all_heard(tmp_path: Path) -> None:
    write(tmp_path / ".gitignore", "".join(f"d{number}/**/f{number}*.py\n" for number in range(3000)))
    rules = Rules.of_workspace(tmp_path)
    assert rules.inside("d2999", tmp_path / "d2999").ignore("f29990.py", False)
    assert not rules.inside("d2999", tmp_path / "d2999").ignore("f2998.py", False)
