"""The parser processes: files go in, what they hold comes out, and a process that hangs is replaced."""

from __future__ import annotations

import json
import logging
import selectors
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from lsp_server.index.definition import Contents
from lsp_server.index.parser import decode
from lsp_server.index.source import Stamp
from lsp_server.index.walk import Found

logger = logging.getLogger(__name__)

# -P: without it, `-m` takes modules from the current directory, which may be a stranger's project.
PROGRAM = (sys.executable, "-P", "-m", "lsp_server.index.parser")
# For one file, in wall-clock time: for a file system that does not answer. What computes for too long ends
# itself.
PATIENCE_S = 120.0
_WAITING = 4  # files that a process has at a time, so that it never waits for the next
_MAX_FAILURES = 5
_PIECE = 1 << 16


@dataclass(frozen=True, slots=True)
class Parsed:
    """What came of a file: `stamp` is None where it could not be read."""

    path: str
    stamp: Stamp | None
    contents: Contents


@dataclass(slots=True)
class _Process:
    popen: subprocess.Popen[bytes]
    channel: socket.socket  # its stdin and its stdout
    files: deque[Found] = field(default_factory=deque)
    pending: bytes = b""
    since: float = 0.0  # when it began with the first of its files, on the monotonic clock


class Parsers:
    """As many processes as there are files to parse at a time, up to `count`; none while there is nothing."""

    def __init__(self, root: Path, count: int, selector: selectors.BaseSelector) -> None:
        """What the processes say is announced by `selector`, with the process as data."""
        self._root = root
        self._count = count
        self._selector = selector
        self._processes: list[_Process] = []
        self._failures = 0  # one after another
        self._lost: deque[Found] = deque()  # of a process that has ended, to be parsed by another

    @property
    def is_idle(self) -> bool:
        return not self._lost and not any(each.files for each in self._processes)

    @property
    def has_room(self) -> bool:
        """Whether one more file would be taken at once."""
        return not self._lost and (
            len(self._processes) < self._count or any(len(each.files) < _WAITING for each in self._processes)
        )

    def give(self, found: Found) -> None:
        """Have a file parsed. Raises OSError if no process can be started, or they all end at once."""
        process = min(self._processes, key=lambda each: len(each.files), default=None)
        if process is None or (process.files and len(self._processes) < self._count):
            process = self._start()
        if not process.files:
            process.since = time.monotonic()
        process.files.append(found)
        with suppress(OSError):  # it has ended: reading tells so, and what it had is parsed by another
            process.channel.sendall(json.dumps(str(self._root / found.path)).encode() + b"\n")

    def take(self, process: _Process) -> Iterator[Parsed]:
        """What a process has said, after the selector announced it."""
        try:
            piece = process.channel.recv(_PIECE)
        except ConnectionError:
            piece = b""
        if not piece:
            yield from self._end(process, "ended")
            return
        *lines, process.pending = (process.pending + piece).split(b"\n")
        for line in lines:
            try:
                parsed = decode(line)
            except (ValueError, TypeError):
                yield from self._end(process, "talked nonsense")
                return
            process.since = time.monotonic()
            self._failures = 0
            yield Parsed(process.files.popleft().path, *(parsed or (None, Contents())))

    def overdue(self) -> Iterator[Parsed]:
        """End the processes that have hung for too long, and start on what they had."""
        for process in self._processes[:]:
            if process.files and time.monotonic() - process.since > PATIENCE_S:
                yield from self._end(process, "hung")
        while self._lost:
            lost = self._lost.popleft()
            self.give(lost)

    def close(self) -> None:
        """End them all; what they had is forgotten."""
        for process in self._processes:
            self._reap(process)
        self._processes.clear()
        self._lost.clear()

    def _start(self) -> _Process:
        channel, theirs = socket.socketpair()
        with theirs:
            try:
                popen = subprocess.Popen(
                    PROGRAM, stdin=theirs.fileno(), stdout=theirs.fileno(), stderr=subprocess.DEVNULL, cwd="/"
                )
            except OSError:
                channel.close()
                raise
        process = _Process(popen, channel)
        self._processes.append(process)
        self._selector.register(channel, selectors.EVENT_READ, process)
        return process

    def _end(self, process: _Process, how: str) -> Iterator[Parsed]:
        """Take leave of a process. The file that it was at is kept as empty: it is not to be tried again."""
        self._processes.remove(process)
        self._reap(process)
        if process.files:
            culprit = process.files.popleft()
            logger.warning("%s is not indexed: a parser %s over it", culprit.path, how)
            yield Parsed(culprit.path, culprit.stamp, Contents())
        self._lost.extend(process.files)
        self._failures += 1
        if self._failures >= _MAX_FAILURES:
            raise OSError("the parsers end as soon as they are started")

    def _reap(self, process: _Process) -> None:
        self._selector.unregister(process.channel)
        process.channel.close()
        process.popen.kill()
        process.popen.wait()
