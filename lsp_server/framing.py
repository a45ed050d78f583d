"""Message frames of the base protocol, without input or output: bytes in, bodies and errors out.

pygls' own loop allocates whatever `Content-Length` claims, ignores a header in lower case and never answers
a frame that it cannot read. Here a claim costs nothing until the bytes arrive, and a bad frame is reported
once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

# Five megabytes of Chinese text escaped as \\uXXXX are 10 MiB; ten such documents in one message are refused.
MAX_BODY = 64 * 1024 * 1024
MAX_HEADER = 8 * 1024

# A JSON string holds no raw line end, so this never matches inside a valid body: it finds the next frame
# after one that was refused.
_LENGTH = re.compile(rb"content-length[ \t]*:[ \t]*(\d{1,4000})[ \t]*\r?\n", re.IGNORECASE)
_LENGTH_MAX_BYTES = 128
_BLANK_LINE = re.compile(rb"\r?\n\r?\n")
_FIELDS = re.compile(rb"(?:[A-Za-z][A-Za-z-]*[ \t]*:[^\r\n]*\r?\n)*")


@dataclass(frozen=True, slots=True)
class FramingError:
    """A frame that could not be read; reading goes on at the next header."""

    message: str


class Framing:
    """Splits a byte stream into message bodies. Never holds more than one body and one header."""

    def __init__(self, max_body: int = MAX_BODY) -> None:
        self._max_body = max_body
        self._buffer = bytearray()
        self._body_length: int | None = None
        self._lost = False

    def feed(self, data: bytes) -> Iterator[bytes | FramingError]:
        """Take the next bytes of the stream; yield each body that they complete, and an error a bad frame."""
        self._buffer += data
        while True:
            if self._lost:
                progressed = self._find_header()
            elif self._body_length is None:
                error = self._read_header()
                if error is not None:
                    yield error
                progressed = self._lost or self._body_length is not None or error is not None
            else:
                body = self._read_body()
                if body is not None:
                    yield body
                progressed = body is not None
            if not progressed:
                return

    def _read_body(self) -> bytes | None:
        assert self._body_length is not None  # noqa: S101 - the caller's branch
        if len(self._buffer) < self._body_length:
            return None
        body = bytes(self._buffer[: self._body_length])
        del self._buffer[: self._body_length]
        self._body_length = None
        return body

    def _read_header(self) -> FramingError | None:
        while self._buffer.startswith((b"\r", b"\n")):
            del self._buffer[:1]
        blank = _BLANK_LINE.search(self._buffer, 0, MAX_HEADER)
        if blank is None:
            if len(self._buffer) < MAX_HEADER:
                return None
            self._lost = True
            return FramingError(f"a header longer than {MAX_HEADER} bytes was refused")
        header = bytes(self._buffer[: blank.end()])
        del self._buffer[: blank.end()]
        lengths = list(_LENGTH.finditer(header))
        if not lengths:
            return FramingError("a header without a Content-Length was skipped")
        digits = lengths[-1].group(1)
        if len(digits) > 18 or int(digits) > self._max_body:
            self._lost = True
            return FramingError(
                f"Content-Length {digits[:24].decode()} was refused: the most is {self._max_body} bytes"
            )
        self._body_length = int(digits)
        if not _FIELDS.fullmatch(header.rstrip(b"\r\n") + b"\n"):
            return FramingError(f"{lengths[-1].start()} bytes before a header were skipped")
        return None

    def _find_header(self) -> bool:
        found = _LENGTH.search(self._buffer)
        if found is None:
            del self._buffer[:-_LENGTH_MAX_BYTES]
            return False
        del self._buffer[: found.start()]
        self._lost = False
        return True
