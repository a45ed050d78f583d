"""An editor without a screen: opens a file, types into it, asks for completions and takes the time."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks.lsp_client import Json, LspClient, LspError
from lsp_server.position import code_points, units

CAPABILITIES: Json = {"textDocument": {"inlineCompletion": {}, "synchronization": {}}}
LANGUAGES = {".py": "python", ".ts": "typescript", ".rs": "rust", ".go": "go"}
NOWHERE = "file:///nowhere/closed"
READY_TIMEOUT_S = 300.0
# The server tells them when the model has stopped, a step of the model after the reply.
STATISTICS_TIMEOUT_S = 10.0


Place = tuple[str, int, int]
"""A document, and a position in it in utf-16."""


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
    replaced: int = 0
    """How many characters behind the cursor the text takes the place of."""
    place: Place = ("", 0, 0)
    """Where it was asked for."""


class Editor:
    """One open document and its cursor, both kept as an offset into `text`. Requests may overlap."""

    def __init__(self, client: LspClient) -> None:
        self._client = client
        self._uri = ""
        self._version = 0
        self.text = ""
        self.cursor = 0
        self._partials: dict[int, Callable[[str], None]] = {}  # by version
        self._statistics: dict[Place, asyncio.Queue[Json]] = {}
        self._state: asyncio.Queue[Json] = asyncio.Queue()
        self.complaints: list[str] = []  # what the server has told the user
        client.listen("midfill/status", self._state.put_nowait)
        client.listen("midfill/inlineCompletionPartial", self._grow)
        client.listen("midfill/inlineCompletionStatistics", self._tell)
        client.listen("window/showMessage", lambda params: self.complaints.append(params["message"]))

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

    def open(self, path: Path, text: str, cursor: int, language: str = "") -> None:
        """Open `path` as if `text` were its content, with the cursor at an offset. `language` is the
        protocol's id; by the path if left out."""
        self._statistics.clear()
        self._uri, self._version, self.text, self.cursor = path.resolve().as_uri(), 1, text, cursor
        document = {
            "uri": self._uri,
            "languageId": language or LANGUAGES.get(path.suffix, "plaintext"),
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
        self._change(count, 0, text, "")

    def put(self, text: str, replaced: int = 0, behind: str = "") -> None:
        """Have `text` and `behind` in the place of the `replaced` characters behind the cursor, as one
        change; the cursor is between them then."""
        self._change(0, replaced, text, behind)

    def _change(self, before: int, replaced: int, text: str, behind: str) -> None:
        after = self.text[self.cursor + replaced :]
        end = self._position(self.cursor + replaced)
        self.cursor -= before
        start = self._position(self.cursor)
        self._version += 1
        self.text = self.text[: self.cursor] + text + behind + after
        self.cursor += len(text)
        change = {"range": {"start": start, "end": end}, "text": text + behind}
        document = {"uri": self._uri, "version": self._version}
        self._client.notify("textDocument/didChange", {"textDocument": document, "contentChanges": [change]})

    async def complete(self, grown: Callable[[str], None] | None = None) -> Shown:
        """Ask at the cursor, and wait until the server tells what a text has cost; `grown` is called with the
        text so far. Raises LspError."""
        shown = await self.ask(grown)
        if not shown.text:
            return shown
        told = self._told(shown.place)
        try:
            async with asyncio.timeout(STATISTICS_TIMEOUT_S):
                return _with(shown, await told.get())
        except TimeoutError:
            raise LspError("the server told no statistics") from None

    async def ask(self, grown: Callable[[str], None] | None = None) -> Shown:
        """Ask at the cursor, without the statistics of a text, which come later. Raises LspError."""
        first_ms: float | None = None

        def partial(text: str) -> None:
            nonlocal first_ms
            if first_ms is None and text:
                first_ms = _since(start)
            if grown is not None:
                grown(text)

        uri, version, position = self._uri, self._version, self._position(self.cursor)
        before = self.text[: self.cursor].rsplit("\n", 1)[-1]
        behind = self.text[self.cursor :].split("\n", 1)[0]
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
        text, replaced = _text(reply, position, before, behind)
        if not text:
            return Shown("", None, total_ms, None)
        place = uri, position["line"], position["character"]
        return Shown(text, first_ms or total_ms, total_ms, None, replaced=replaced, place=place)

    def told(self, shown: Shown) -> Shown:
        """A text with its statistics, if they have come. Until another document is opened."""
        told = self._told(shown.place)
        return shown if told.empty() else _with(shown, told.get_nowait())

    async def settle(self) -> None:
        """Wait until the server has handled all that it was sent: it answers in order a request for a
        document that is not open, for which there is nothing to do. Raises LspError."""
        await self._client.request(
            "textDocument/inlineCompletion",
            {
                "textDocument": {"uri": NOWHERE},
                "position": {"line": 0, "character": 0},
                "context": {"triggerKind": 2},
            },
        )

    def _grow(self, params: Json) -> None:
        partial = self._partials.get(params["textDocument"]["version"])
        if partial is not None and params["textDocument"]["uri"] == self._uri:
            partial(params["text"])

    def _tell(self, params: Json) -> None:
        position = params["position"]
        place = params["textDocument"]["uri"], position["line"], position["character"]
        self._told(place).put_nowait(params)

    def _told(self, place: Place) -> asyncio.Queue[Json]:
        return self._statistics.setdefault(place, asyncio.Queue())

    def _position(self, offset: int) -> Json:
        before = self.text[:offset]
        line = before.count("\n")
        return {"line": line, "character": units(before[before.rfind("\n") + 1 :], "utf-16")}


@asynccontextmanager
async def session(model: str = "", root: Path | None = None, **more: Any) -> AsyncIterator[Editor]:
    """A server with a worker of its own, both ended in the end; the shipped model unless another is named.
    `root` is the workspace, `more` are further settings."""
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
                "rootUri": None if root is None else root.resolve().as_uri(),
                "capabilities": CAPABILITIES,
                "initializationOptions": options,
            },
        )
        client.notify("initialized", {})
        yield editor
    finally:
        await client.close()


def _text(reply: Any, position: Json, before: str, behind: str) -> tuple[str, int]:
    """What a reply inserts at the cursor, "" for nothing, and how many characters it replaces of those
    `behind` it on the line; those `before` it have to stay. Raises LspError where they do not."""
    items = reply["items"] if isinstance(reply, dict) else reply or []
    if not items:
        return "", 0
    text: str = items[0]["insertText"]
    range = items[0].get("range") or {"start": position, "end": position}
    start, end = range["start"], range["end"]
    kept = before[code_points(before, start["character"], "utf-16")[0] :]
    if not start["line"] == end["line"] == position["line"] or not text.startswith(kept):
        raise LspError(f"the completion {text!r} at {position} rewrites {range}")
    replaced = code_points(behind, max(0, end["character"] - position["character"]), "utf-16")[0]
    return text[len(kept) :], replaced


def _with(shown: Shown, told: Json) -> Shown:
    return replace(
        shown,
        statistics=told["statistics"],
        waited_ms=told["waitedMs"],
        stop_reason=told["stopReason"],
        source=told["source"],
    )


def _since(start: float) -> float:
    return (time.perf_counter() - start) * 1e3
