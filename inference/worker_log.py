"""The worker's log: a private file of bounded size that also takes what native code writes to stderr."""

import contextlib
import logging
import os
import stat
from pathlib import Path

MAX_BYTES = 1 << 20
"""Of the file; the one before it is kept beside it as *.old."""

FORMAT = "%(asctime)s %(process)d %(levelname)s %(name)s: %(message)s"


class WorkerLog(logging.Handler):
    """Writes to stderr, which it turns to the file. Never raises: a worker without a log still works, and
    `problem` says why there is none."""

    def __init__(
        self, path: Path | None, *, max_bytes: int = MAX_BYTES, descriptors: tuple[int, ...] = (2, 1)
    ) -> None:
        super().__init__()
        self.setFormatter(logging.Formatter(FORMAT))
        self._path = path
        self._max_bytes = max_bytes
        self._descriptors = descriptors
        self._not_open = ""
        self._not_written = ""
        self._open()

    @property
    def problem(self) -> str:
        """Why there is no log, or ""."""
        return self._not_open or self._not_written

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._rotate()
            os.write(self._descriptors[0], (self.format(record) + "\n").encode(errors="replace"))
            self._not_written = ""
        except OSError as error:  # the disk is full, or nobody holds the other end of stderr any more
            self._not_written = f"the log cannot be written: {error.strerror}"

    def _open(self) -> None:
        """Several workers may share the file: each appends, and whole lines do not mix."""
        if self._path is None:
            return
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
            opened = os.open(self._path, flags, 0o600)
        except OSError as error:
            self._not_open = f"no log at {self._path}: {error.strerror}"
            return
        try:
            if not stat.S_ISREG(os.fstat(opened).st_mode):
                self._not_open = f"no log at {self._path}: not a file"
                return
            for descriptor in self._descriptors:
                os.dup2(opened, descriptor)
        finally:
            os.close(opened)

    def _rotate(self) -> None:
        if self._path is None or self._not_open:
            return
        ours = os.fstat(self._descriptors[0])
        if ours.st_size < self._max_bytes:
            return
        with contextlib.suppress(FileNotFoundError):
            current = self._path.lstat()
            if (current.st_dev, current.st_ino) == (ours.st_dev, ours.st_ino):
                self._path.replace(self._path.with_name(self._path.name + ".old"))
        self._open()  # or another worker has moved it, and a new one is there
