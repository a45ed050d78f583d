"""The socket at which `midfill why` asks a running server.

It lies in the directory of the worker's, which is the user's own and closed to others, is of mode 0600, and
both ends ask the kernel who is at the other. One line of JSON is the question, one line the answer.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import socket
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from inference.transport import UnsafeDirectoryError, is_same_user, socket_path
from lsp_server.worker_process import SHIPPED

logger = logging.getLogger(__name__)

MAX_QUESTION = 4096
MAX_ANSWER = 32 << 20
PATIENCE_S = 5.0
_MAX_GUESTS = 4
Answer = Callable[[object], dict[str, Any]]


class Door:
    """A server's end."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._server: asyncio.Server | None = None
        self._path: Path | None = None
        self._guests = 0

    async def open(self) -> None:
        """Let people ask. Where there is no safe place for a socket nobody can, which is told in the log
        alone."""
        try:
            path = door_path(os.getpid())
            path.unlink(missing_ok=True)  # of a process of the same number, which is no more
            sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            sock.bind(os.fspath(path))
            path.chmod(0o600)  # the directory is closed already
            self._path = path
            self._server = await asyncio.start_unix_server(self._greet, sock=sock, limit=MAX_QUESTION)
        except (UnsafeDirectoryError, OSError) as error:
            logger.info("nobody can ask `midfill why` of this server: %s", error)

    async def close(self) -> None:
        """Shut it and take the socket away."""
        if self._server is not None:
            self._server.close()
        if self._path is not None:
            with suppress(OSError):
                self._path.unlink(missing_ok=True)

    async def _greet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._guests += 1
        try:
            if self._guests > _MAX_GUESTS or not is_same_user(writer.get_extra_info("socket")):
                return
            async with asyncio.timeout(PATIENCE_S):
                question = json.loads(await reader.readline())
                writer.write(json.dumps(self._answer(question)).encode() + b"\n")
                await writer.drain()
        except (TimeoutError, ValueError, RecursionError, OSError) as error:
            logger.info("a question that is none: %s", type(error).__name__)
        finally:
            self._guests -= 1
            writer.close()


def door_path(pid: int) -> Path:
    """Raises UnsafeDirectoryError."""
    return socket_path(SHIPPED).parent / f"why-{pid}.sock"


def doors() -> list[Path]:
    """The sockets of running servers, the newest first. Raises UnsafeDirectoryError, OSError."""
    found = [path for path in door_path(0).parent.glob("why-*.sock") if not path.is_symlink()]
    return sorted(found, key=lambda path: path.lstat().st_mtime, reverse=True)


def ask(path: Path, question: dict[str, Any]) -> dict[str, Any] | None:
    """What the server behind a socket says; None where there is none any more. Raises OSError, ValueError."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.settimeout(PATIENCE_S)
        try:
            sock.connect(os.fspath(path))
        except (ConnectionRefusedError, FileNotFoundError):
            return None
        if not is_same_user(sock):
            raise OSError(f"{path} was opened by another user")
        sock.sendall(json.dumps(question).encode() + b"\n")
        answer = b""
        while not answer.endswith(b"\n") and len(answer) <= MAX_ANSWER:
            piece = sock.recv(1 << 16)
            if not piece:
                break
            answer += piece
    value = json.loads(answer)
    if not isinstance(value, dict):
        raise ValueError("the server sent what is no answer")
    return value
