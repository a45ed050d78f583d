import os
import socket
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from inference.listener import AlreadyRunningError, Listener
from inference.transport import UnsafeDirectoryError, lock_path, lock_signature, try_lock


@pytest.fixture
def path() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="mf") as directory:
        (Path(directory) / "m").mkdir(mode=0o700)
        yield Path(directory) / "m" / "x.sock"


def test_one_at_a_time(path: Path) -> None:
    first = Listener(path)
    assert lock_signature(lock_path(path)) == os.getpid()
    with pytest.raises(AlreadyRunningError, match="already listens"):
        Listener(path)
    assert path.is_socket()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    first.close()
    assert not path.exists()
    Listener(path).close()


def test_a_stale_socket_is_replaced(path: Path) -> None:
    stale = socket.socket(socket.AF_UNIX)
    stale.bind(os.fspath(path))
    stale.close()
    listener = Listener(path)
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(os.fspath(path))
    listener.close()


def test_an_inherited_lock_is_taken_over(path: Path) -> None:
    lock = try_lock(lock_path(path))
    assert lock is not None
    os.set_inheritable(lock, True)
    listener = Listener(path, lock)
    assert not os.get_inheritable(lock)
    with pytest.raises(AlreadyRunningError):
        Listener(path)
    listener.close()
    Listener(path).close()


def test_an_open_directory_is_refused(path: Path) -> None:
    path.parent.chmod(0o777)
    with pytest.raises(UnsafeDirectoryError, match="chmod 700"):
        Listener(path)


def test_a_failure_frees_the_lock(path: Path) -> None:
    path.mkdir()
    with pytest.raises(OSError, match="directory"):
        Listener(path)
    path.rmdir()
    Listener(path).close()
