"""An editor that speaks to a server in its own process over two pipes."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
from collections.abc import Mapping
from typing import Any

from lsp_server.server import serve
from lsp_server.settings import Settings
from lsp_server.stdio import Output
from tests.lsp_server.fake_link import FakeLink

DEADLINE_S = 10.0

# Without what a clock decides, which a test that counts requests would have to expect at any time.
BASE = Settings(prefetch=False, without=("delay", "prime", "deadline"))


class FakeEditor:
    """Use as `async with FakeEditor() as editor`; `editor.link` is the newest fake link.

    On leaving it asserts that no request got more than one reply and that none came unasked.
    """

    def __init__(
        self,
        capabilities: Mapping[str, Any] | None = None,
        options: object = None,
        configuration: Mapping[str, Any] | None = None,
        initialize: bool = True,
        root: str = "file:///project",
    ) -> None:
        self.links: list[FakeLink] = []
        self.capabilities = capabilities or {}
        self.options = options
        self.root = root
        self.configuration: Mapping[str, Any] | None = configuration
        self.refused_progress = False
        self.notifications: list[dict[str, Any]] = []
        self.requests: list[dict[str, Any]] = []
        self.orphans: list[dict[str, Any]] = []  # replies without an id that we asked with
        self.initialize_result: dict[str, Any] = {}
        self._initialize = initialize
        self._ids = itertools.count(1)
        self._replies: dict[int | str, asyncio.Future[dict[str, Any]]] = {}
        self._answered: list[int | str] = []
        self._changed = asyncio.Condition()

    @property
    def link(self) -> FakeLink:
        return self.links[-1]

    async def __aenter__(self) -> FakeEditor:
        source, self._to_server = os.pipe()
        from_server, sink = os.pipe()
        # A thread of its own writes: the server reads on this very event loop.
        self._writer = Output(self._to_server, on_broken=lambda: None)
        self._pipes = [source, from_server, sink]

        def connect(settings: Settings, on_status: Any) -> FakeLink:
            self.links.append(FakeLink(settings, on_status))
            return self.links[-1]

        self.server = asyncio.ensure_future(serve(BASE, connect, source, sink))
        reader = asyncio.StreamReader(limit=1 << 27)
        self._transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(from_server, "rb", buffering=0)
        )
        self._pipes.remove(from_server)
        self._listener = asyncio.ensure_future(self._listen(reader))
        if self._initialize:
            params = {
                "processId": None,
                "rootUri": self.root,
                "capabilities": self.capabilities,
                "initializationOptions": self.options,
            }
            self.initialize_result = await self.result("initialize", params)
            self.notify("initialized", {})
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self.hang_up()
        async with asyncio.timeout(DEADLINE_S):
            await self.server
        os.close(self._pipes.pop())
        async with asyncio.timeout(DEADLINE_S):
            await self._listener
        self._transport.close()
        os.close(self._pipes.pop())
        assert len(self._answered) == len(set(self._answered)), f"two replies: {self._answered}"

    async def hang_up(self) -> None:
        """Close the pipe to the server, behind what is still to be written to it."""
        if self._to_server >= 0:
            self._writer.close()
            await self._writer.flushed()
            os.close(self._to_server)
            self._to_server = -1

    # What the editor says

    def send_bytes(self, data: bytes) -> None:
        self._writer.write(data)

    def send(self, *messages: object) -> None:
        """Send messages in one write, so that the server reads them together."""
        bodies = [json.dumps(message).encode() for message in messages]
        self.send_bytes(b"".join(b"Content-Length: %d\r\n\r\n%s" % (len(body), body) for body in bodies))

    def notify(self, method: str, params: object) -> None:
        self.send({"jsonrpc": "2.0", "method": method, "params": params})

    def call(self, method: str, params: object, msg_id: str = "") -> dict[str, Any]:
        """A request's message; its reply can be awaited with `reply`."""
        message = {"jsonrpc": "2.0", "id": msg_id or next(self._ids), "method": method, "params": params}
        self._replies[message["id"]] = asyncio.get_running_loop().create_future()
        return message

    def request(self, method: str, params: object) -> int:
        message = self.call(method, params)
        self.send(message)
        return int(message["id"])

    async def reply(self, msg_id: int | str) -> dict[str, Any]:
        async with asyncio.timeout(DEADLINE_S):
            return await self._replies[msg_id]

    async def ask(self, method: str, params: object) -> dict[str, Any]:
        return await self.reply(self.request(method, params))

    async def result(self, method: str, params: object) -> Any:
        reply = await self.ask(method, params)
        assert "error" not in reply, reply
        return reply["result"]

    async def error(self, method: str, params: object) -> dict[str, Any]:
        reply = await self.ask(method, params)
        assert "error" in reply, reply
        return reply["error"]

    def open(
        self, text: str, uri: str = "file:///project/a.py", language: str = "python", version: int = 1
    ) -> str:
        self.notify(
            "textDocument/didOpen",
            {"textDocument": {"uri": uri, "languageId": language, "version": version, "text": text}},
        )
        return uri

    def change_message(
        self, uri: str, version: int, text: str, range: tuple[int, int, int, int] | None = None
    ) -> dict[str, Any]:
        change: dict[str, Any] = {"text": text}
        if range is not None:
            change["range"] = _range(range)
        document = {"uri": uri, "version": version}
        params = {"textDocument": document, "contentChanges": [change]}
        return {"jsonrpc": "2.0", "method": "textDocument/didChange", "params": params}

    def change(
        self, uri: str, version: int, text: str, range: tuple[int, int, int, int] | None = None
    ) -> None:
        self.send(self.change_message(uri, version, text, range))

    @staticmethod
    def at(uri: str, line: int, character: int) -> dict[str, Any]:
        return {
            "textDocument": {"uri": uri},
            "position": {"line": line, "character": character},
            "context": {"triggerKind": 2},
        }

    async def inline(self, uri: str, line: int, character: int) -> list[dict[str, Any]]:
        result = await self.result("textDocument/inlineCompletion", self.at(uri, line, character))
        return list(result["items"])

    # What it hears

    async def wait_for(self, found: Any) -> Any:
        """Wait until `found(self)` is true of what has been heard, and return what it returned."""
        async with asyncio.timeout(DEADLINE_S), self._changed:
            while not (value := found(self)):
                await self._changed.wait()
            return value

    def heard(self, method: str) -> list[dict[str, Any]]:
        return [message["params"] for message in self.notifications if message["method"] == method]

    async def hear(self, method: str, count: int = 1) -> list[dict[str, Any]]:
        """Wait for `count` notifications of a method."""
        await self.wait_for(lambda editor: len(editor.heard(method)) >= count)
        return self.heard(method)

    async def orphan(self) -> dict[str, Any]:
        """Wait for a reply that belongs to no request: the answer to what was too broken to have an id."""
        return dict(await self.wait_for(lambda editor: editor.orphans and editor.orphans.pop(0)))

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        while True:
            try:
                header = await reader.readuntil(b"\r\n\r\n")
            except asyncio.IncompleteReadError as end:
                assert end.partial == b"", end.partial
                return
            length = int(header.lower().split(b"content-length:")[1].split(b"\r\n")[0])
            message = json.loads(await reader.readexactly(length))
            async with self._changed:
                self._hear(message)
                self._changed.notify_all()

    def _hear(self, message: dict[str, Any]) -> None:
        if "method" not in message:
            msg_id = message.get("id")
            if msg_id in self._replies:
                self._answered.append(msg_id)
                if not self._replies[msg_id].done():
                    self._replies[msg_id].set_result(message)
            else:
                self.orphans.append(message)
        elif "id" in message:
            self.requests.append(message)
            self._answer(message)
        else:
            self.notifications.append(message)

    def _answer(self, message: dict[str, Any]) -> None:
        reply: dict[str, Any] = {"jsonrpc": "2.0", "id": message["id"]}
        if message["method"] == "workspace/configuration" and self.configuration is not None:
            self.send(reply | {"result": [self.configuration for _ in message["params"]["items"]]})
        elif message["method"] == "window/workDoneProgress/create" and self.refused_progress:
            self.send(reply | {"error": {"code": -32601, "message": "no"}})
        elif message["method"] in (
            "window/workDoneProgress/create", "workspace/applyEdit", "client/registerCapability",
        ):  # fmt: skip
            self.send(reply | {"result": {"applied": True} if "Edit" in message["method"] else None})


def _range(range: tuple[int, int, int, int]) -> dict[str, Any]:
    start = {"line": range[0], "character": range[1]}
    return {"start": start, "end": {"line": range[2], "character": range[3]}}
