"""An editor without a screen: opens a file, types into it, asks for completions and takes the time."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.lsp_client import Json, LspClient, LspError
from lsp_server.position import units

CAPABILITIES: Json = {"textDocument": {"inlineCompletion": {}, "synchronization": {}}}
LANGUAGES = {".py": "python", ".ts": "typescript", ".rs": "rust", ".go": "go"}
READY_TIMEOUT_S = 300.0
# The server tells them when the model has stopped, a step of the model after the reply.
STATISTICS_TIMEOUT_S = 10.0


class WorkerError(Exception):
    """The server says that no completions can be had, and why."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What an editor would have shown at a cursor. Times in milliseconds since the request was sent.

    `first_ms` is when the first of the text came. `statistics` are the worker's. `waited_ms` is for how long
    the server waited for the worker before it replied. All are None for no text: then the model may have
    been asked, or not.
    """

    text: str
    first_ms: float | None
    total_ms: float
    statistics: dict[str, float] | None
    waited_ms: float | None = None
    stop_reason: str = ""
    """The worker's; "aborted" where the server had enough text."""
    source: str = ""
    """Where the text came from: "model", "adopted" or "recent" (docs/protocol.md)."""
    overtaken: bool = False
    """The next key came before the reply, which an editor would not have shown."""


class Editor:
    """One open document and its cursor, both kept as an offset into `text`. Requests may overlap."""

    def __init__(self, client: LspClient) -> None:
        self._client = client
        self._uri = ""
        self._version = 0
        self.text = ""
        self.cursor = 0
        self._partials: dict[int, Callable[[str], None]] = {}  # by version
        self._statistics: dict[tuple[str, int, int], asyncio.Queue[Json]] = {}  # by document and position
        self._state: asyncio.Queue[Json] = asyncio.Queue()
        client.listen("midfill/status", self._state.put_nowait)
        client.listen("midfill/inlineCompletionPartial", self._grow)
        client.listen("midfill/inlineCompletionStatistics", self._tell)

    @property
    def pid(self) -> int:
        """The server's process."""
        return self._client.pid

    async def ready(self) -> str:
        """Wait until the model is loaded; its name and device. Raises WorkerError."""
        async with asyncio.timeout(READY_TIMEOUT_S):
            while True:
                status = await self._state.get()
                if status["state"] == "error":
                    raise WorkerError(f"{status['message']}; {status['cure']}")
                if status["state"] in ("ready", "busy"):
                    return f"{status['model']} on {status['device']}"

    def open(self, path: Path, text: str, cursor: int) -> None:
        """Open `path` as if `text` were its content, with the cursor at an offset."""
        self._statistics.clear()
        self._uri, self._version, self.text, self.cursor = path.resolve().as_uri(), 1, text, cursor
        document = {
            "uri": self._uri,
            "languageId": LANGUAGES.get(path.suffix, "plaintext"),
            "version": 1,
            "text": text,
        }
        self._client.notify("textDocument/didOpen", {"textDocument": document})

    def open_beside(self, path: Path, text: str) -> None:
        """Open another file, without a cursor."""
        language = LANGUAGES.get(path.suffix, "plaintext")
        document = {"uri": path.resolve().as_uri(), "languageId": language, "version": 1, "text": text}
        self._client.notify("textDocument/didOpen", {"textDocument": document})

    def close(self) -> None:
        self._client.notify("textDocument/didClose", {"textDocument": {"uri": self._uri}})

    def type(self, text: str) -> None:
        """Insert at the cursor, as one change."""
        self.retype(0, text)

    def retype(self, count: int, text: str) -> None:
        """Have `text` in the place of the `count` characters before the cursor, as one change."""
        end = self._position()
        after, self.cursor = self.text[self.cursor :], self.cursor - count
        start = self._position()
        self._version += 1
        self.text = self.text[: self.cursor] + text + after
        self.cursor += len(text)
        change = {"range": {"start": start, "end": end}, "text": text}
        document = {"uri": self._uri, "version": self._version}
        self._client.notify("textDocument/didChange", {"textDocument": document, "contentChanges": [change]})

    async def complete(self, grown: Callable[[str], None] | None = None) -> Shown:
        """Ask at the cursor; `grown` is called with the text so far. Raises LspError."""
        first_ms: float | None = None

        def partial(text: str) -> None:
            nonlocal first_ms
            if first_ms is None and text:
                first_ms = _since(start)
            if grown is not None:
                grown(text)

        uri, version, position = self._uri, self._version, self._position()
        self._partials[version] = partial
        start = time.perf_counter()
        reply = await self._client.request(
            "textDocument/inlineCompletion",
            {"textDocument": {"uri": uri}, "position": position, "context": {"triggerKind": 2}},
        )
        total_ms = _since(start)
        self._partials.pop(version, None)
        if (uri, version) != (self._uri, self._version):
            return Shown("", None, total_ms, None, overtaken=True)
        text = _text(reply)
        if not text:
            return Shown("", None, total_ms, None)
        told = await self._take_statistics(uri, position)
        return Shown(
            text,
            first_ms or total_ms,
            total_ms,
            told["statistics"],
            told["waitedMs"],
            told["stopReason"],
            told["source"],
        )

    def _grow(self, params: Json) -> None:
        partial = self._partials.get(params["textDocument"]["version"])
        if partial is not None and params["textDocument"]["uri"] == self._uri:
            partial(params["text"])

    def _tell(self, params: Json) -> None:
        self._told(params["textDocument"]["uri"], params["position"]).put_nowait(params)

    def _told(self, uri: str, position: Json) -> asyncio.Queue[Json]:
        place = uri, position["line"], position["character"]
        return self._statistics.setdefault(place, asyncio.Queue())

    async def _take_statistics(self, uri: str, position: Json) -> Json:
        """Those of a request that was answered with text: the last of the place, which is asked at once."""
        told = self._told(uri, position)
        try:
            async with asyncio.timeout(STATISTICS_TIMEOUT_S):
                return await told.get()
        except TimeoutError:
            raise LspError("the server told no statistics") from None

    def _position(self) -> Json:
        before = self.text[: self.cursor]
        line = before.count("\n")
        return {"line": line, "character": units(before[before.rfind("\n") + 1 :], "utf-16")}


@asynccontextmanager
async def session(model: str = "", **more: Any) -> AsyncIterator[Editor]:
    """A server with a worker of its own, both ended in the end; the shipped model unless another is named.
    `more` are further settings."""
    client = await LspClient.start()
    try:
        editor = Editor(client)
        settings: dict[str, Any] = {"privateWorker": True, **more}
        if model:
            settings["model"] = model
        options = {"streaming": True, "midfill": settings}
        await client.request(
            "initialize",
            {
                "processId": None,
                "rootUri": None,
                "capabilities": CAPABILITIES,
                "initializationOptions": options,
            },
        )
        client.notify("initialized", {})
        yield editor
    finally:
        await client.close()


def _text(reply: Any) -> str:
    items = reply["items"] if isinstance(reply, dict) else reply or []
    text: str = items[0]["insertText"] if items else ""
    return text


def _since(start: float) -> float:
    return (time.perf_counter() - start) * 1e3
