import os
import pwd
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from inference.transport import UnsafeDirectoryError
from lsp_server.worker_environment import worker_environment
from lsp_server.worker_process import (
    ModelPathError,
    WorkerCommand,
    default_log_path,
    describe_end,
    start_private,
)


def test_the_same_model_has_the_same_name_however_it_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "model")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    names = {WorkerCommand(model=model).model_name for model in ("model", "./model/", "~/model", "link")}
    assert names == {str(tmp_path / "model")}
    assert WorkerCommand().model_name == "shipped"


def test_the_command_line_takes_no_code_from_the_current_directory() -> None:
    argv = WorkerCommand(log=Path("/tmp/w.log"), idle_timeout_s=5).argv
    assert argv[:4] == [sys.executable, "-P", "-m", "inference"]
    assert argv[4:] == ["--model=shipped", "--precision=auto", "--idle-timeout=5", "--log=/tmp/w.log"]
    assert "--precision=int4" in WorkerCommand(precision="int4", log=Path("/tmp/w.log")).argv


def test_the_log_lies_in_the_state_directory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", "/state")
    assert default_log_path() == Path("/state/midfill/worker.log")
    monkeypatch.setenv("XDG_STATE_HOME", "not/absolute")
    monkeypatch.setenv("HOME", "/home/someone")
    assert default_log_path() == Path("/home/someone/.local/state/midfill/worker.log")


@pytest.fixture
def homeless(monkeypatch: pytest.MonkeyPatch) -> None:
    """A user that the system does not know, as `docker run --user 12345` makes one."""

    def getpwuid(uid: int) -> pwd.struct_passwd:
        raise KeyError(uid)

    for name in ("HOME", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(pwd, "getpwuid", getpwuid)


@pytest.mark.usefixtures("homeless")
def test_without_a_home_the_log_lies_in_the_private_directory_of_the_socket(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    assert default_log_path() == tmp_path / "midfill" / "worker.log"
    assert stat.S_IMODE((tmp_path / "midfill").stat().st_mode) == 0o700
    assert WorkerCommand().see_log == f"see {tmp_path}/midfill/worker.log"


@pytest.mark.usefixtures("homeless")
def test_a_log_that_can_lie_nowhere_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    (tmp_path / "midfill").mkdir(mode=0o755)
    with pytest.raises(UnsafeDirectoryError):
        default_log_path()
    assert WorkerCommand().see_log.startswith("there is no log: ")
    with pytest.raises(UnsafeDirectoryError):
        start_private(WorkerCommand())


@pytest.mark.parametrize("model", ["~nosuchuser/m", "a/\0", "{circle}"])
def test_a_model_that_no_path_leads_to(model: str, tmp_path: Path) -> None:
    circle = tmp_path / "circle"
    circle.symlink_to(circle)
    with pytest.raises(ModelPathError, match="cannot be found"):
        _ = WorkerCommand(model=model.format(circle=circle)).model_name


def start(code: str, log: Path) -> tuple[subprocess.Popen[bytes], bytes]:
    """Runs Python code as a private worker; the process, ended, and what it sent."""
    program = (sys.executable, "-P", "-c", code)
    process, sock = start_private(WorkerCommand(log=log, program=program))
    with sock, sock.makefile("rb") as stream:
        received = stream.read()
    process.wait()
    return process, received


WRITE = "import socket, sys; socket.socket(fileno=int(sys.argv[-1].split('=')[1])).sendall({})"


def test_a_private_worker_has_one_end_of_a_socket_and_leaves_its_last_words_in_the_log(
    tmp_path: Path,
) -> None:
    log = tmp_path / "state" / "worker.log"
    process, received = start(WRITE.format("b'hello'") + "; sys.exit('last words')", log)
    assert received == b"hello"
    assert log.read_text() == "last words\n"
    assert stat.S_IMODE(log.stat().st_mode) == 0o600
    assert stat.S_IMODE(log.parent.stat().st_mode) == 0o700
    assert describe_end(process) == "exit code 1"


def test_it_starts_without_a_log_too(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    _process, received = start(WRITE.format("b'hello'"), tmp_path / "file" / "worker.log")
    assert received == b"hello"


def test_it_inherits_nothing_else_and_keeps_no_directory_busy(tmp_path: Path) -> None:
    listing = "(' '.join(sorted(os.listdir('/proc/self/fd'), key=int)) + '|' + os.getcwd()).encode()"
    with (tmp_path / "open in the editor").open("w"):
        _process, received = start("import os; " + WRITE.format(listing), tmp_path / "worker.log")
    descriptors, directory = received.decode().split("|")
    # 0 to 2, the socket, and the one that lists the directory.
    assert len(descriptors.split()) == 5
    assert directory == "/"


def test_no_threads_are_started_for_products_it_never_computes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENBLAS_NUM_THREADS", raising=False)
    assert worker_environment() == {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "3")
    assert worker_environment() == dict(os.environ)
    code = "import os; " + WRITE.format("os.environ['OPENBLAS_NUM_THREADS'].encode()")
    assert start(code, tmp_path / "worker.log")[1] == b"3"


def test_the_end_is_described() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        assert describe_end(process) == ""
        process.kill()
        process.wait()
        assert describe_end(process) == "signal 9"
