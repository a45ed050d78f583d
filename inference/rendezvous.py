"""Where the servers of one user meet the worker of one model: a socket in a directory that is theirs alone.

Invariant: whoever holds the lock beside a socket is the only one who may remove, bind or replace that socket.
A worker holds it for its whole life and the kernel frees it with the process, so a free lock means no worker.
"""

import fcntl
import hashlib
import os
import re
import stat
import tempfile
from pathlib import Path

from inference.messages import PROTOCOL_VERSION

PRECISIONS = ("auto", "bf16", "int8", "int4")
"""Of a worker's weights. What "auto" is, is the worker's affair."""
MAX_SOCKET_PATH = 107
"""Bytes of sun_path on Linux, less its closing zero."""


class UnsafeDirectoryError(Exception):
    """The directory for sockets could be written by someone else, or cannot be made."""


def socket_path(model_name: str, precision: str = "auto") -> Path:
    """The socket of a model's worker, in a directory that exists, is the user's own and is closed to others.

    `model_name` is a name or an absolute path. Each of PRECISIONS has a worker of its own. The protocol's
    version is a part of the file's name, so after an upgrade new servers do not meet a worker that speaks the
    old one. Raises UnsafeDirectoryError.
    """
    directory = _private_directory()
    name = _file_name(model_name) if precision == "auto" else f"{_file_name(model_name)}.{precision}"
    path = directory / f"{name}.{PROTOCOL_VERSION}.sock"
    if len(os.fsencode(path)) > MAX_SOCKET_PATH:
        raise UnsafeDirectoryError(
            f"{path} is longer than a socket's path may be ({MAX_SOCKET_PATH} bytes); "
            "set XDG_RUNTIME_DIR or TMPDIR to a shorter directory, or use a private worker"
        )
    return path


def lock_path(socket: Path) -> Path:
    """The lock that goes with a socket."""
    return socket.with_suffix(".lock")


def try_lock(path: Path) -> int | None:
    """A descriptor that holds the lock until its last copy is closed, or None if someone holds it.

    flock locks belong to the open file, so a child that inherits the descriptor holds the lock after its
    parent closes it. Raises OSError.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def sign_lock(descriptor: int) -> None:
    """Writes this process's id into the lock it holds, for people. Raises OSError."""
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, str(os.getpid()).encode(), 0)


def lock_signature(path: Path) -> int | None:
    """The process that holds a lock, by its own account; None if nothing is written there."""
    try:
        return int(path.read_bytes()[:20])
    except (OSError, ValueError):
        return None


def _file_name(model_name: str) -> str:
    """Short, readable, and different for every model: two paths may end in the same folder name."""
    readable = re.sub(r"[^A-Za-z0-9._-]", "-", Path(model_name).name)[:24] or "model"
    if readable == model_name:
        return readable
    return f"{readable}-{hashlib.sha256(os.fsencode(model_name)).hexdigest()[:8]}"


def _private_directory() -> Path:
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    # sudo hands down the caller's directory; taking it would put files of one user among another's.
    if runtime and _is_owned_by_us(Path(runtime)):
        directory = Path(runtime) / "midfill"
    else:
        directory = Path(tempfile.gettempdir()) / f"midfill-{os.geteuid()}"
    try:
        directory.mkdir(mode=0o700, exist_ok=True)
        check_private(directory)
    except OSError as error:
        raise UnsafeDirectoryError(
            f"cannot use {directory} for the worker's socket: {error.strerror}; set XDG_RUNTIME_DIR to a "
            "directory of your own, or use a private worker"
        ) from error
    return directory


def _is_owned_by_us(directory: Path) -> bool:
    try:
        return directory.is_absolute() and directory.stat().st_uid == os.geteuid()
    except OSError:
        return False


def check_private(directory: Path) -> None:
    """Refuses a directory that others prepared; its parent matters too, for who may rename it may replace it.

    Raises UnsafeDirectoryError, OSError.
    """
    status = directory.lstat()
    if not stat.S_ISDIR(status.st_mode):
        raise UnsafeDirectoryError(f"{directory} is not a directory; remove it")
    if status.st_uid != os.geteuid():
        raise UnsafeDirectoryError(
            f"{directory} belongs to user {status.st_uid}, not to you; "
            "set XDG_RUNTIME_DIR to a directory of your own, or use a private worker"
        )
    if stat.S_IMODE(status.st_mode) & 0o077:
        raise UnsafeDirectoryError(
            f"{directory} is open to other users; close it with: chmod 700 {directory}"
        )
    parent = directory.parent.stat()
    shared = bool(parent.st_mode & 0o022) and not parent.st_mode & stat.S_ISVTX
    if shared or parent.st_uid not in (0, os.geteuid()):
        raise UnsafeDirectoryError(
            f"{directory.parent} lets other users replace {directory}; "
            "set XDG_RUNTIME_DIR to a directory of your own, or use a private worker"
        )
