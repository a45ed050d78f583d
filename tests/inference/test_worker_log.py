import logging
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from inference.worker_log import WorkerLog


@pytest.fixture
def stderr(tmp_path: Path) -> Iterator[int]:
    """A descriptor that stands for stderr."""
    descriptor = os.open(tmp_path / "stderr", os.O_RDWR | os.O_CREAT)
    yield descriptor
    os.close(descriptor)


def say(log: WorkerLog, text: str) -> None:
    log.emit(logging.LogRecord("test", logging.INFO, "", 0, text, None, None))


def test_the_log_is_private_and_takes_stderr_too(tmp_path: Path, stderr: int) -> None:
    path = tmp_path / "state" / "worker.log"
    log = WorkerLog(path, descriptors=(stderr,))
    say(log, "from Python")
    os.write(stderr, b"from native code\n")
    assert "INFO test: from Python\nfrom native code\n" in path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert log.problem == ""


def test_it_goes_on_where_it_ended(tmp_path: Path, stderr: int) -> None:
    path = tmp_path / "worker.log"
    say(WorkerLog(path, descriptors=(stderr,)), "one")
    say(WorkerLog(path, descriptors=(stderr,)), "two")
    assert path.read_text().count("\n") == 2


def test_its_size_is_bounded_and_the_end_is_kept(tmp_path: Path, stderr: int) -> None:
    path = tmp_path / "worker.log"
    log = WorkerLog(path, max_bytes=2000, descriptors=(stderr,))
    for number in range(1000):
        say(log, f"line {number}")
    files = list(tmp_path.glob("worker.log*"))
    assert sorted(file.name for file in files) == ["worker.log", "worker.log.old"]
    assert all(file.stat().st_size < 2200 for file in files)
    assert path.read_text().endswith("line 999\n")


def test_two_workers_share_it_and_neither_writes_into_the_old_one(tmp_path: Path, stderr: int) -> None:
    path = tmp_path / "worker.log"
    other_stderr = os.dup(stderr)
    one = WorkerLog(path, max_bytes=2000, descriptors=(stderr,))
    two = WorkerLog(path, max_bytes=2000, descriptors=(other_stderr,))
    for number in range(200):
        say(one, f"one {number}")
        say(two, f"two {number}")
    os.close(other_stderr)
    assert path.read_text().endswith("two 199\n")
    kept = (tmp_path / "worker.log.old").read_text() + path.read_text()
    assert [line.split(": ")[1] for line in kept.splitlines()][-6:] == [
        "one 197", "two 197", "one 198", "two 198", "one 199", "two 199",
    ]  # fmt: skip


def test_without_a_path_it_writes_to_stderr(tmp_path: Path, stderr: int) -> None:
    log = WorkerLog(None, descriptors=(stderr,))
    say(log, "hello")
    assert (tmp_path / "stderr").read_text().endswith("hello\n")
    assert log.problem == ""


def test_where_no_file_can_be_it_writes_to_stderr_and_says_so(tmp_path: Path, stderr: int) -> None:
    (tmp_path / "file").touch()
    log = WorkerLog(tmp_path / "file" / "worker.log", descriptors=(stderr,))
    say(log, "hello")
    assert (tmp_path / "stderr").read_text().endswith("hello\n")
    assert log.problem.startswith(f"no log at {tmp_path}/file/worker.log: ")


def test_a_link_is_not_followed(tmp_path: Path, stderr: int) -> None:
    (tmp_path / "worker.log").symlink_to(tmp_path / "victim")
    log = WorkerLog(tmp_path / "worker.log", descriptors=(stderr,))
    assert "symbolic link" in log.problem
    assert not (tmp_path / "victim").exists()


def test_what_is_no_file_is_refused(tmp_path: Path, stderr: int) -> None:
    assert "not a file" in WorkerLog(Path("/dev/null"), descriptors=(stderr,)).problem


def test_a_full_disk_is_told_and_nothing_is_raised() -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    log = WorkerLog(None, descriptors=(full,))
    say(log, "lost")
    assert log.problem == "the log cannot be written: No space left on device"
    null = os.open("/dev/null", os.O_WRONLY)
    os.dup2(null, full)
    say(log, "the disk has room again")
    assert log.problem == ""
    os.close(null)
    os.close(full)
