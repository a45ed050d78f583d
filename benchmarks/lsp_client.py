"""A language client of a hundred lines, which starts the server as editors do."""

import asyncio
import itertools
import json
import os
import sys
from collections.abc import Callable, Mapping
from typing import Any

SERVER = (sys.executable, "-m", "lsp_server", "lsp", "--stdio")
EXIT_TIMEOUT_S = 10.0

Json = dict[str, Any]


class LspError(Exception):
    """The server replied with an error, or hung up."""


class LspClient:
    """One server process. Requests may overlap; notifications go to the listener of their method, if any."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._ids = itertools.count(1)
        self._replies: dict[int, asyncio.Future[Any]] = {}
        self._listeners: dict[str, Callable[[Json], None]] = {}
        self._reader = asyncio.create_task(self._read())

    @classmethod
    async def start(cls, environment: Mapping[str, str] | None = None) -> "LspClient":
        """Start the server. Its log, on stderr, is the terminal's."""
        process = await asyncio.create_subprocess_exec(
            *SERVER,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env=dict(environment or os.environ),
        )
        return cls(process)

    @property
    def pid(self) -> int:
        """The server's process."""
        return self._process.pid

    def listen(self, method: str, listener: Callable[[Json], None]) -> None:
        """Have `listener` called with the params of each notification of this method as it is read."""
        self._listeners[method] = listener

    async def request(self, method: str, params: object) -> Any:
        """The result. Raises LspError."""
        identity = next(self._ids)
        reply: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._replies[identity] = reply
        try:
            self._send({"id": identity, "method": method, "params": params})
            return await reply
        finally:
            self._replies.pop(identity, None)

    def notify(self, method: str, params: object) -> None:
        self._send({"method": method, "params": params})

    async def close(self) -> int:
        """Shut the server down in order; its exit code. One that stays is killed."""
        try:
            async with asyncio.timeout(EXIT_TIMEOUT_S):
                await self.request("shutdown", None)
                self.notify("exit", None)
                return await self._process.wait()
        except (TimeoutError, LspError, OSError):
            self._process.kill()
            return await self._process.wait()
        finally:
            self._reader.cancel()

    def _send(self, message: Json) -> None:
        assert self._process.stdin is not None
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self._process.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))

    async def _read(self) -> None:
        stream = self._process.stdout
        assert stream is not None
        try:
            while True:
                header = await stream.readuntil(b"\r\n\r\n")
                length = next(
                    int(line.split(b":")[1])
                    for line in header.split(b"\r\n")
                    if line.lower().startswith(b"content-length:")
                )
                self._take(json.loads(await stream.readexactly(length)))
        except asyncio.IncompleteReadError:
            for reply in self._replies.values():
                if not reply.done():
                    reply.set_exception(LspError("the server ended"))

    def _take(self, message: Json) -> None:
        if "method" not in message:
            reply = self._replies.get(message["id"])
            if reply is None or reply.done():
                return
            if "error" in message:
                reply.set_exception(LspError(message["error"]["message"]))
            else:
                reply.set_result(message["result"])
        elif "id" in message:
            refusal = {"code": -32601, "message": f"{message['method']} is not for this client"}
            self._send({"id": message["id"], "error": refusal})
        elif (listener := self._listeners.get(message["method"])) is not None:
            listener(message["params"])
