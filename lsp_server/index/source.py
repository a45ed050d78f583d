"""Reading a file of someone's workspace: whole or not at all, and never more than it should be."""

from __future__ import annotations

import errno
import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path

from lsp_server.policy import begins_a_key

MAX_BYTES = 512 * 1024
_HEAD = 4096
_MINIFIED = 400  # bytes a line on average
_GENERATED = re.compile(
    rb"@generated\b|\b(?:auto-?generated|automatically generated|machine[- ]generated)\b"
    rb"|\bgenerated (?:by|from|code|file)\b.{0,200}\bdo not (?:edit|modify)",
    re.IGNORECASE | re.DOTALL,
)


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


def read(path: Path, limit: int = MAX_BYTES) -> tuple[bytes, Stamp]:
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


def unfit(data: bytes) -> str | None:
    """Why a file's text is not worth an index, in a word or two; None if it is."""
    head = data[:_HEAD]
    if b"\0" in data:
        return "binary"
    if begins_a_key(head.decode("utf-8", "replace")):
        return "a key"
    if _GENERATED.search(head):
        return "generated"
    if len(data) > 4 * _MINIFIED and len(data) > _MINIFIED * (data.count(b"\n") + data.count(b"\r") + 1):
        return "minified"
    return None
