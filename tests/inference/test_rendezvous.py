import os
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from inference import rendezvous
from inference.messages import PROTOCOL_VERSION
from inference.transport import PRECISIONS, UnsafeDirectoryError, lock_path, socket_path, try_lock


@pytest.fixture
def runtime(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="mf") as directory:
        monkeypatch.setenv("XDG_RUNTIME_DIR", directory)
        yield Path(directory)


def test_the_socket_lies_in_a_closed_directory_of_its_own(runtime: Path) -> None:
    path = socket_path("shipped")
    assert path == runtime / "midfill" / f"shipped.{PROTOCOL_VERSION}.sock"
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert socket_path("shipped") == path


def test_without_a_runtime_directory_it_lies_in_a_temporary_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    with tempfile.TemporaryDirectory(prefix="mf") as directory:
        monkeypatch.setattr(tempfile, "tempdir", directory)
        assert socket_path("shipped").parent == Path(directory) / f"midfill-{os.geteuid()}"


def test_the_runtime_directory_of_another_user_is_passed_over(
    runtime: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = os.geteuid() + 1
    monkeypatch.setattr(os, "geteuid", lambda: theirs)
    with tempfile.TemporaryDirectory(prefix="mf") as directory:
        monkeypatch.setattr(tempfile, "tempdir", directory)
        with pytest.raises(UnsafeDirectoryError, match="belongs to user"):
            socket_path("shipped")
        assert (Path(directory) / f"midfill-{theirs}").is_dir()
    assert not (runtime / "midfill").exists()


def test_models_of_the_same_folder_name_have_their_own_sockets(runtime: Path) -> None:
    paths = {
        socket_path(name) for name in ("shipped", "/a/shipped", "/b/shipped", "/b/ship ped", "/" + "x" * 300)
    }
    assert len(paths) == 5
    for path in paths:
        assert len(path.name) < 50
        assert path.name.isascii()
        assert " " not in path.name


def test_each_precision_has_a_socket_of_its_own(runtime: Path) -> None:
    names = ("shipped", "/a/model", "/a/model.int8", "/a/" + "x" * 300)
    paths = {socket_path(name, precision) for name in names for precision in PRECISIONS}
    assert len(paths) == len(names) * len(PRECISIONS)
    assert socket_path("/a/model", "auto") == socket_path("/a/model")
    assert max(len(path.name) for path in paths) < 50


def test_a_directory_open_to_others_is_refused_with_the_way_to_mend_it(runtime: Path) -> None:
    (runtime / "midfill").mkdir(mode=0o700)
    (runtime / "midfill").chmod(0o755)
    with pytest.raises(UnsafeDirectoryError, match="chmod 700"):
        socket_path("shipped")


def test_a_link_in_place_of_the_directory_is_refused(runtime: Path) -> None:
    (runtime / "elsewhere").mkdir(mode=0o700)
    (runtime / "midfill").symlink_to(runtime / "elsewhere")
    with pytest.raises(UnsafeDirectoryError, match="not a directory"):
        socket_path("shipped")


def test_a_parent_that_others_may_write_is_refused(runtime: Path) -> None:
    runtime.chmod(0o777)
    with pytest.raises(UnsafeDirectoryError, match="lets other users replace"):
        socket_path("shipped")
    runtime.chmod(0o1777)
    assert socket_path("shipped").parent.is_dir()


def test_a_path_too_long_for_a_socket_is_refused(runtime: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deep = runtime / ("d" * 100)
    deep.mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(deep))
    with pytest.raises(UnsafeDirectoryError, match=f"{rendezvous.MAX_SOCKET_PATH} bytes"):
        socket_path("shipped")


def test_one_holder_at_a_time_and_the_lock_dies_with_it(runtime: Path) -> None:
    path = lock_path(socket_path("shipped"))
    held = try_lock(path)
    assert held is not None
    assert try_lock(path) is None
    os.close(held)
    again = try_lock(path)
    assert again is not None
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    os.close(again)


def test_a_child_keeps_the_lock_that_it_inherits(runtime: Path) -> None:
    path = lock_path(socket_path("shipped"))
    held = try_lock(path)
    assert held is not None
    child = subprocess.Popen(
        [sys.executable, "-c", "input()"], pass_fds=[held], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL
    )
    os.close(held)
    assert try_lock(path) is None
    child.kill()
    child.communicate()
    after = try_lock(path)
    assert after is not None
    os.close(after)


def test_a_link_in_place_of_the_lock_is_not_followed(runtime: Path) -> None:
    path = lock_path(socket_path("shipped"))
    path.symlink_to(runtime / "victim")
    with pytest.raises(OSError, match="symbolic link"):
        try_lock(path)
    assert not (runtime / "victim").exists()
