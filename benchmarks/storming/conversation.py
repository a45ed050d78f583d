"""The server's process, and all that it says, heard as it is."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections import deque
from collections.abc import Callable
from typing import Any

from benchmarks import lsp_client
from benchmarks.editor import CAPABILITIES
from benchmarks.storming.ledger import Ledger

NUM_LAST_WORDS = 10


class HungUpError(Exception):
    """The server ended before it was told to, or not as it should."""


class Conversation:
    """Frames out, replies into a ledger."""

    def __init__(self, process: asyncio.subprocess.Process, ledger: Ledger) -> None:
        self._process = process
        self._ledger = ledger
        self._news = asyncio.Event()
        self._states: list[str] = []
        self._last_words: deque[str] = deque(maxlen=NUM_LAST_WORDS)
        self._ids = itertools.count(1)
        self._tasks = [asyncio.create_task(self._listen()), asyncio.create_task(self._overhear())]

    @classmethod
    async def start(cls, ledger: Ledger) -> Conversation:
        pipe = asyncio.subprocess.PIPE
        command = lsp_client.SERVER
        process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, stderr=pipe)
        return cls(process, ledger)

    async def initialize(self, model: str) -> None:
        """Wait until the model is there. Raises HungUpError."""
        settings: dict[str, Any] = {"privateWorker": True} | ({"model": model} if model else {})
        params = {
            "processId": None,
            "rootUri": None,
            "capabilities": CAPABILITIES,
            "initializationOptions": {"streaming": True, "midfill": settings},
        }
        self._request("initialize", params)
        self._ledger.notification()
        self.send(frame({"jsonrpc": "2.0", "method": "initialized", "params": {}}))
        await self.until(lambda: any(state in ("ready", "busy", "error") for state in self._states))
        if "error" in self._states:
            raise HungUpError("there is no model")

    def send(self, data: bytes) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(data)

    async def drain(self) -> None:
        assert self._process.stdin is not None
        try:
            await self._process.stdin.drain()
        except ConnectionError as error:
            raise self._hung_up() from error

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until something holds that what is heard may bring about. Raises HungUpError."""
        while not condition():
            if self._tasks[0].done():
                raise self._hung_up()
            self._news.clear()
            await self._news.wait()

    async def until_waiting(self, most: int) -> None:
        """Wait until at most so many requests are without a reply. Raises HungUpError."""
        await self.until(lambda: self._ledger.num_waiting <= most)

    async def end(self) -> None:
        """Shut down in order, and hear all that is still said. Raises HungUpError."""
        due = self._ledger.num_replies + 1
        self._request("shutdown", None)
        await self.until(lambda: self._ledger.num_replies >= due)
        self.send(frame({"jsonrpc": "2.0", "method": "exit", "params": None}))
        await self._tasks[0]
        if await self._process.wait():
            raise self._hung_up()

    async def kill(self) -> None:
        """End the process, if it has not ended by itself."""
        if self._process.returncode is None:
            self._process.kill()
            await self._process.wait()
        for task in self._tasks:
            task.cancel()

    def _request(self, method: str, params: object) -> None:
        identity = f"conversation/{next(self._ids)}"
        self._ledger.request(identity)
        self.send(frame({"jsonrpc": "2.0", "id": identity, "method": method, "params": params}))

    def _hung_up(self) -> HungUpError:
        words = "\n".join(self._last_words)
        return HungUpError(f"the server ended, with exit code {self._process.returncode}:\n{words}")

    async def _listen(self) -> None:
        stream = self._process.stdout
        assert stream is not None
        try:
            while True:
                header = await stream.readuntil(b"\r\n\r\n")
                lines = [line.split(b":") for line in header.lower().split(b"\r\n")]
                length = next(int(line[1]) for line in lines if line[0] == b"content-length")
                self._hear(json.loads(await stream.readexactly(length)))
                self._news.set()
        except asyncio.IncompleteReadError:
            self._news.set()

    async def _overhear(self) -> None:
        """The log, which nobody wants to see but its end."""
        stream = self._process.stderr
        assert stream is not None
        while line := await stream.readline():
            self._last_words.append(line.decode("utf-8", "replace").rstrip())

    def _hear(self, message: dict[str, Any]) -> None:
        if "method" not in message:
            self._ledger.reply(message)
        elif message["method"] == "midfill/status":
            self._states.append(message["params"]["state"])


def frame(message: object) -> bytes:
    """As the base protocol has it."""
    body = json.dumps(message).encode()
    return b"Content-Length: %d\r\n\r\n%s" % (len(body), body)
