"""Which files' text is worth an index."""

from __future__ import annotations

import re
from pathlib import Path

from lsp_server import regular_file
from lsp_server.policy.secret_files import begins_a_key
from lsp_server.regular_file import NotReadError, Stamp

MAX_BYTES = 512 * 1024
_HEAD = 4096
_MINIFIED = 400  # bytes a line on average
_GENERATED = re.compile(
    rb"@generated\b|\b(?:auto-?generated|automatically generated|machine[- ]generated)\b"
    rb"|\bgenerated (?:by|from|code|file)\b.{0,200}\bdo not (?:edit|modify)",
    re.IGNORECASE | re.DOTALL,
)


def read(path: Path, limit: int = MAX_BYTES) -> tuple[bytes, Stamp]:
    """As `regular_file.read`, up to what the index reads of one file."""
    return regular_file.read(path, limit)


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


__all__ = ["MAX_BYTES", "NotReadError", "Stamp", "read", "unfit"]
