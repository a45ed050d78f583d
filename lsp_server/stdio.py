"""Standard input and output as the editor's two pipes, each served by a thread of its own.

Threads, because a file, a pipe, a socket and a terminal can all be stdin, and asyncio waits on the middle two
only; and because making the descriptor non-blocking would change it for whoever shares it.
"""

from __future__ import annotations

import asyncio
import os
import queue
import signal
import sys
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from pygls.exceptions import JsonRpcInvalidRequest

from lsp_server.framing import Framing, FramingError

if TYPE_CHECKING:
    from lsp_server.protocol import Protocol

_CHUNK = 64 * 1024
_MAX_QUEUED_CHUNKS = 16
_MAX_PENDING_BYTES = 4 * 1024 * 1024
_FLUSH_S = 2.0


def claim() -> tuple[int, int]:
    """Take stdin and stdout for the protocol alone.

    Returns descriptors to read from and to write to. Whatever else prints, here or in a child process, goes
    to stderr from now on: one stray line on stdout would end the conversation with the editor.
    """
    source, sink = os.dup(0), os.dup(1)
    sys.stdout.flush()
    os.dup2(2, 1)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    return source, sink


class Input:
    """Bytes from a descriptor, pulled: at most a megabyte is read ahead of the reader."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._loop = asyncio.get_running_loop()
        self._chunks: asyncio.Queue[bytes] = asyncio.Queue()
        self._room = threading.Semaphore(_MAX_QUEUED_CHUNKS)
        # A daemon: it may be inside read(2), which nothing can end, when the process does.
        threading.Thread(target=self._pump, name="stdin", daemon=True).start()

    async def read(self) -> bytes:
        """The next bytes; empty at the end of the input, once."""
        data = await self._chunks.get()
        self._room.release()
        return data

    def close(self) -> None:
        """Make the next `read` return the end of the input, whatever the descriptor says."""
        while not self._chunks.empty():
            self._chunks.get_nowait()
            self._room.release()
        self._chunks.put_nowait(b"")

    def _pump(self) -> None:
        while True:
            try:
                data = os.read(self._descriptor, _CHUNK)
            except OSError:  # the other end of a pseudo-terminal or socket is gone
                data = b""
            self._room.acquire()
            try:
                self._loop.call_soon_threadsafe(self._chunks.put_nowait, data)
            except RuntimeError:  # the loop has ended
                return
            if not data:
                return


class Output:
    """Bytes to a descriptor, in order, without ever blocking the caller."""

    def __init__(self, descriptor: int, on_broken: Callable[[], None]) -> None:
        """`on_broken` is called on the event loop when the reader of the descriptor is gone."""
        self._descriptor = descriptor
        self._on_broken = on_broken
        self._loop = asyncio.get_running_loop()
        self._queue: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._pending = 0
        self._drained = asyncio.Event()
        self._drained.set()
        self._thread = threading.Thread(target=self._pump, name="stdout", daemon=True)
        self._thread.start()

    @property
    def congested(self) -> bool:
        """Whether the client reads more slowly than it is written to: what can be left out should be."""
        return not self._drained.is_set()

    def write(self, data: bytes) -> None:
        self._pending += len(data)
        if self._pending > _MAX_PENDING_BYTES:
            self._drained.clear()
        self._queue.put(data)

    async def drain(self) -> None:
        """Wait until a client that does not read its replies has read some."""
        await self._drained.wait()

    def abandon(self) -> None:
        """Let `drain` return though the client still does not read: the end has come."""
        self._drained.set()

    def close(self) -> None:
        """Take no more; what is queued is still written."""
        self._queue.put(None)

    async def flushed(self) -> None:
        """Wait, after `close`, until all is written; a client that has stopped reading gets two seconds."""
        await asyncio.to_thread(self._thread.join, _FLUSH_S)

    def _pump(self) -> None:
        broken = False
        while (data := self._queue.get()) is not None:
            view = memoryview(data)
            while view and not broken:
                try:
                    view = view[os.write(self._descriptor, view) :]
                except OSError:
                    broken = True
                    self._call(self._on_broken)
            self._call(self._written, len(data))

    def _written(self, num_bytes: int) -> None:
        self._pending -= num_bytes
        if self._pending <= _MAX_PENDING_BYTES // 2:
            self._drained.set()

    def _call(self, function: Callable[..., None], *args: object) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(function, *args)


async def converse(protocol: Protocol, source: int, sink: int) -> int:
    """Feed a protocol from one descriptor, and write what it says to another, until `exit` or the end.

    Returns the exit code: 0 after shutdown, else 1. SIGTERM and an editor that stops reading end it too.
    """
    stdin = Input(source)
    stdout = Output(sink, on_broken=stdin.close)
    protocol.set_writer(stdout)
    framing = Framing()

    def stop() -> None:
        stdin.close()
        stdout.abandon()

    loop = asyncio.get_running_loop()
    if threading.current_thread() is threading.main_thread():
        loop.add_signal_handler(signal.SIGTERM, stop)
    try:
        while not protocol.has_exited() and (data := await stdin.read()):
            for part in framing.feed(data):
                if protocol.has_exited():
                    break
                if isinstance(part, FramingError):
                    protocol.refuse(None, JsonRpcInvalidRequest(part.message))
                else:
                    protocol.receive(part)
            await stdout.drain()
    finally:
        loop.remove_signal_handler(signal.SIGTERM)
        stdout.close()
        await stdout.flushed()
    return 0 if protocol.is_shut_down else 1
