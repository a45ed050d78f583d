"""Reading a file of someone's workspace: whole or not at all, and never more than it should be."""

from __future__ import annotations

import errno
import os
import stat
from dataclasses import dataclass
from pathlib import Path


class NotReadError(Exception):
    """The file is not one to read, or was not the same before and after; the text says which."""


@dataclass(frozen=True, slots=True)
class Stamp:
    """What tells whether a file has changed."""

    size: int
    mtime_ns: int

    @classmethod
    def of(cls, status: os.stat_result) -> Stamp:
        return cls(status.st_size, status.st_mtime_ns)


def read(path: Path, limit: int) -> tuple[bytes, Stamp]:
    """A regular file's bytes, no link's, and what it was stamped with before and after.

    Raises NotReadError: too large, not a regular file, or written to meanwhile. Raises OSError.
    """
    try:
        # Without O_NONBLOCK, opening a pipe waits for whoever writes to it.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise NotReadError("a symbolic link") from error
        raise
    try:
        status = os.fstat(descriptor)
        before = Stamp.of(status)
        if not stat.S_ISREG(status.st_mode):
            raise NotReadError("not a regular file")
        if before.size > limit:
            raise NotReadError(f"larger than {limit} bytes")
        data = b""
        while len(data) <= before.size and (piece := os.read(descriptor, before.size + 1 - len(data))):
            data += piece
        if len(data) != before.size or Stamp.of(os.fstat(descriptor)) != before:
            raise NotReadError("it changed while it was read")
        return data, before
    finally:
        os.close(descriptor)
