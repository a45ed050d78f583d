"""What stands around a cursor, which an answer is not to say again."""

from __future__ import annotations

import re

_WINDOW = 4096  # characters looked at on either side
_TELLING = re.compile(rb"([\w\x80-\xff][^\w\x80-\xff]*){4}")


class Surroundings:
    """The lines on either side of a cursor.

    A model that has just read a line finds it likely that the same line follows. Whoever asks for a line does
    not want the one above, nor the one that comes next anyway.
    """

    __slots__ = ("_before", "_following")

    def __init__(self, prefix: str, suffix: str) -> None:
        *full, begun = _unix(prefix[-_WINDOW:]).split(b"\n")
        # All that can be among the last two lines with text, whatever the answer: asked at every line's end.
        self._before = b"\n".join([*[line for line in full if line.strip()][-2:], begun])
        behind = _unix(suffix[:_WINDOW]).split(b"\n")[1:]
        self._following = next(filter(None, map(bytes.strip, behind)), b"")

    def repeated_by(self, answer: bytes) -> bool:
        """Whether the last line with text, of the answer or begun before it, is the line above or the one
        that follows. Of fewer than four letters or digits a line says too little: `end` may come twice."""
        lines = [line for line in map(bytes.strip, (self._before + answer).split(b"\n")) if line]
        if not lines or not _TELLING.search(lines[-1]):
            return False
        return lines[-1] == self._following or lines[-2:-1] == lines[-1:]


def _unix(text: str) -> bytes:
    return text.replace("\r\n", "\n").replace("\r", "\n").encode("utf-8", "replace")
