"""Which files of a workspace are found."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from lsp_server.index.source import MAX_BYTES, Stamp
from lsp_server.index.walk import MAX_DEPTH, look, walk


@pytest.fixture(autouse=True)
def no_list_of_the_users(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "none"))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    return folder


def write(root: Path, *paths: str, text: str = "x = 1\n") -> None:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)


def paths(root: Path) -> list[str]:
    """What `walk` finds; `look` has to say the same of each path there is."""
    found = [each.path for each in walk(root)]
    for path in sorted(each.relative_to(root).as_posix() for each in root.rglob("*")):
        assert (look(root, path) is not None) == (path in found), path
    return found


def test_sources_are_found_nearest_first(root: Path) -> None:
    write(root, "z.py", "a/b/c.rs", "a/d.ts", "README.md", "data.json", "Makefile", "e.PY")
    assert paths(root) == ["e.PY", "z.py", "a/d.ts", "a/b/c.rs"]
    assert next(walk(root)).stamp == Stamp.of((root / "e.PY").stat())


def test_ignored_files_are_not(root: Path) -> None:
    write(root, ".gitignore", text="build/\n*_pb2.py\n")
    write(root, "a/.midfillignore", text="private.py\n")
    write(root, "a.py", "build/b.py", "a/c_pb2.py", "a/private.py", "a/open.py", "private.py")
    assert paths(root) == ["a.py", "private.py", "a/open.py"]


def test_secrets_are_not(root: Path) -> None:
    write(root, "secrets.kts", "id_rsa.pl", "credentials.lua", ".ssh/a.sh", "fine.sh", "secrets/a.lua")
    assert paths(root) == ["fine.sh"]


def test_folders_of_programs_are_not(root: Path) -> None:
    write(root, "node_modules/a/b.js", ".git/hooks/c.py", "__pycache__/d.py", "a.py")
    write(root, "env/pyvenv.cfg", "env/lib/e.py", "cache/CACHEDIR.TAG", "cache/f.py")
    assert paths(root) == ["a.py"]


def test_no_link_is_followed(root: Path, tmp_path: Path) -> None:
    write(tmp_path, "outside/secret.py")
    write(root, "a/b.py")
    (root / "a/loop").symlink_to(root)
    (root / "out").symlink_to(tmp_path / "outside")
    (root / "file.py").symlink_to(tmp_path / "outside/secret.py")
    (root / "self.py").symlink_to("self.py")
    os.mkfifo(root / "pipe.py")
    assert paths(root) == ["a/b.py"]
    assert look(root, "out/secret.py") is None
    assert look(root, "a/loop/a/b.py") is None
    assert look(root, "../outside/secret.py") is None
    assert look(root, "a//b.py") is None


def test_large_files_and_deep_folders_are_not(root: Path) -> None:
    (root / "large.py").write_bytes(b"#" * (MAX_BYTES + 1))
    deep = "/".join(["d"] * (MAX_DEPTH + 1))
    write(root, "/".join(["d"] * MAX_DEPTH) + "/a.py", deep + "/b.py")
    assert [path.rpartition("/")[2] for path in paths(root)] == ["a.py"]


def test_a_workspace_that_is_too_large_is_cut(root: Path, caplog: pytest.LogCaptureFixture) -> None:
    write(root, *(f"{number % 3}/f{number}.py" for number in range(30)))
    assert len(list(walk(root, max_files=10))) == 10
    assert len(list(walk(root, max_entries=5))) < 30
    assert caplog.text.count("too large") == 2


def test_a_folder_that_cannot_be_listed_does_not_end_the_walk(root: Path) -> None:
    write(root, "a/b.py", "c.py")
    (root / "a").chmod(0)
    try:
        if os.access(root / "a", os.R_OK):  # root may read everything: nothing to see here but the rest
            assert len(list(walk(root))) == 2
        else:
            assert paths(root) == ["c.py"]
    finally:
        (root / "a").chmod(stat.S_IRWXU)


def test_a_folder_with_an_unclear_ignore_file_is_left_out(root: Path) -> None:
    write(root, "a/.midfillignore", text="[z-a]\n")
    write(root, "a/b.py", "a/c/d.py", "e.py")
    assert paths(root) == ["e.py"]


def test_an_unclear_ignore_file_at_the_top_leaves_out_everything(root: Path) -> None:
    write(root, ".midfillignore", text="[z-a]\n")
    write(root, "e.py")
    assert paths(root) == []


def test_names_that_are_no_text_are_left_out(root: Path) -> None:
    (root / os.fsdecode(b"\xff.py")).write_text("")
    (root / "new\nline.py").write_text("")
    assert [each.path for each in walk(root)] == []
