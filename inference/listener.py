"""The worker's listening socket, and the lock that makes it the only one."""

import contextlib
import os
import socket
from pathlib import Path

from inference.rendezvous import check_private, lock_path, sign_lock, try_lock

BACKLOG = 64


class AlreadyRunningError(Exception):
    """Another process holds the lock: it is the worker, or is about to be."""


class Listener:
    """A bound socket. Opened and closed by the holder of the lock alone, so a file left by a killed worker is
    known to be stale, and a live worker's socket is never removed."""

    def __init__(self, path: Path, lock: int | None = None) -> None:
        """`lock` is a descriptor inherited from whoever started this process; None: takes the lock.

        Raises AlreadyRunningError, UnsafeDirectoryError, OSError.
        """
        check_private(path.parent)
        self._path = path
        if lock is None:
            lock = try_lock(lock_path(path))
            if lock is None:
                raise AlreadyRunningError(f"a worker already listens at {path}")
        os.set_inheritable(lock, False)
        with contextlib.suppress(OSError):  # on a full disk; the lock holds all the same
            sign_lock(lock)
        self._lock = lock
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            path.unlink(missing_ok=True)
            self.socket.bind(os.fspath(path))
            path.chmod(0o600)  # the directory is closed already; this is for systems that look at the file
            self.socket.listen(BACKLOG)
        except OSError:
            self.socket.close()
            os.close(lock)
            raise

    def close(self) -> None:
        """Removes the socket, then frees the lock: in this order nobody finds a free lock and a dead socket
        that might be someone else's."""
        self.socket.close()
        self._path.unlink(missing_ok=True)
        os.close(self._lock)
