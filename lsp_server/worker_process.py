"""Which worker to run, and how its process is started."""

import os
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from inference.transport import UnsafeDirectoryError, socket_path
from lsp_server.worker_environment import worker_environment

SHIPPED = "shipped"

# Workers this process started and has not seen to their end: a link may be cancelled at any point, and a
# shared worker outlives it. subprocess wants a Popen kept until its process has ended.
_started: list[subprocess.Popen[bytes]] = []


class ModelPathError(Exception):
    """The model's path names nothing: the home directory of nobody, a link to itself."""


@dataclass(frozen=True, slots=True)
class WorkerCommand:
    """The worker that a link wants. `model` is a path, or "" for the model that ships."""

    model: str = ""
    precision: str = "auto"
    private: bool = False
    idle_timeout_s: float = 900.0
    log: Path | None = None
    """None: `default_log_path`."""
    # -P: without it, `-m` takes `inference` from the current directory, which may be a stranger's project.
    program: tuple[str, ...] = (sys.executable, "-P", "-m", "inference")

    @property
    def model_name(self) -> str:
        """The name that servers and worker meet under: the same model has the same one in every server.
        Raises ModelPathError."""
        return str(model_path(self.model).resolve()) if self.model else SHIPPED

    @property
    def socket(self) -> Path:
        """Where such a worker listens. Raises ModelPathError, UnsafeDirectoryError."""
        return socket_path(self.model_name, self.precision)

    @property
    def log_path(self) -> Path:
        """Raises UnsafeDirectoryError, OSError."""
        return self.log or default_log_path()

    @property
    def see_log(self) -> str:
        """Where to read on, for people. Never raises: it goes along with what is wrong already."""
        try:
            return f"see {self.log_path}"
        except (UnsafeDirectoryError, OSError) as error:
            return f"there is no log: {error}"

    @property
    def argv(self) -> list[str]:
        """The command line, less the socket. Raises ModelPathError, UnsafeDirectoryError, OSError."""
        return [
            *self.program,
            f"--model={self.model_name}",
            f"--precision={self.precision}",
            f"--idle-timeout={self.idle_timeout_s:g}",
            f"--log={self.log_path}",
        ]


def model_path(model: str) -> Path:
    """The model's folder or file, `~` expanded. Raises ModelPathError."""
    try:
        path = Path(model).expanduser()
        path.resolve()
    except (RuntimeError, ValueError, OSError) as error:  # no such home, links in a circle, a zero byte
        raise ModelPathError(f"the model {model!r} cannot be found: {error}") from error
    return path


def default_log_path() -> Path:
    """One log for all workers of a user: $XDG_STATE_HOME/midfill/worker.log; for a user without a home
    directory, as in many containers, beside the socket. Raises UnsafeDirectoryError, OSError."""
    state = os.environ.get("XDG_STATE_HOME", "")
    if Path(state).is_absolute():
        return Path(state) / "midfill" / "worker.log"
    try:
        home = Path.home()
    except RuntimeError:  # HOME is not set, and the user database does not know the user
        return socket_path(SHIPPED).parent / "worker.log"
    return home / ".local" / "state" / "midfill" / "worker.log"


def start_shared(command: WorkerCommand, path: Path, lock: int) -> subprocess.Popen[bytes]:
    """Starts a worker that will listen at `path`. It inherits `lock`, and with it the right to that socket.
    Raises as `WorkerCommand.argv`."""
    return _start(command, [f"--socket={path}", f"--lock-fd={lock}"], lock)


def start_private(command: WorkerCommand) -> tuple[subprocess.Popen[bytes], socket.socket]:
    """Starts a worker at the other end of the socket that is returned, and of no path.
    Raises as `WorkerCommand.argv`."""
    ours, theirs = socket.socketpair()
    with theirs:
        try:
            process = _start(command, [f"--private-fd={theirs.fileno()}"], theirs.fileno())
        except BaseException:
            ours.close()
            raise
    return process, ours


def describe_end(process: subprocess.Popen[bytes]) -> str:
    """How a process ended: "exit code 1", "signal 9", or "" if it runs."""
    code = process.poll()
    if code is None:
        return ""
    return f"signal {-code}" if code < 0 else f"exit code {code}"


def _start(command: WorkerCommand, where: list[str], descriptor: int) -> subprocess.Popen[bytes]:
    output = _open_log(command.log_path)
    try:
        process = subprocess.Popen(
            [*command.argv, *where],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            pass_fds=[descriptor],
            env=worker_environment(),
            cwd="/",  # a worker that outlives the editor must not keep a directory or a volume busy
            start_new_session=True,  # a ^C meant for the editor does not reach it
        )
        _started[:] = [each for each in _started if each.poll() is None]
        _started.append(process)
        return process
    finally:
        if output != subprocess.DEVNULL:
            os.close(output)


def _open_log(path: Path) -> int:
    """Where a worker that fails before its own log is open complains to. Without a log the worker still runs:
    it says so in its status."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError:
        return subprocess.DEVNULL
