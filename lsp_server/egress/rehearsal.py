"""One editor's session, watched: a server, its worker, an index, and a completion."""

from __future__ import annotations

import json
import os
import select
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lsp_server.egress.seccomp import Attempt
from lsp_server.egress.sockets import Held
from lsp_server.egress.watch import Watch
from lsp_server.index.location import NoPlaceError, index_path

SERVER = (sys.executable, "-P", "-m", "lsp_server", "lsp", "--stdio")
_OTHER = "def area_of_shape(width, height):\n    return width * height\n"
_TEXT = """\
from shapes import area_of_shape


def total(shapes):
    result = 0
    for shape in shapes:
        """
_PATIENCE_S = 120.0
"""For the worker to be ready: a model of 60 GB from a slow disk takes no less."""
_TRIES = 20


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was seen. `error` says why the session came to nothing, and so proves nothing; "" where it did
    not."""

    attempts: tuple[Attempt, ...]
    held: tuple[Held, ...]
    no_filter: str
    num_processes: int
    num_looks: int
    num_answers: int
    error: str = ""


class _SessionError(Exception):
    """The server did not do its part."""


def rehearse(model: str = "", precision: str = "auto", server: Sequence[str] = SERVER) -> Outcome:
    """Run a session in a folder of its own, with a worker of its own, and watch it to its end."""
    with tempfile.TemporaryDirectory(prefix="midfill-egress") as folder:
        root = Path(folder) / "project"
        root.mkdir()
        (root / "shapes.py").write_text(_OTHER)
        error, answers = "", 0
        with Watch(server, root) as watch:
            try:
                answers = _Conversation(watch).hold(root, {"model": model, "precision": precision})
            except (_SessionError, OSError, ValueError) as failure:
                error = str(failure) or type(failure).__name__
        _forget_index(root)
        return Outcome(
            tuple(watch.attempts),
            tuple(sorted(watch.held, key=str)),
            watch.no_filter,
            len(watch.pids),
            watch.num_looks,
            answers,
            error,
        )


def _forget_index(root: Path) -> None:
    with suppress(NoPlaceError, OSError):
        path = index_path(root)
        for each in path.parent.glob(f"{path.stem.split('.')[0]}.*"):
            each.unlink()


class _Conversation:
    """Speaks LSP as an editor does, one message after another."""

    def __init__(self, watch: Watch) -> None:
        assert watch.process.stdin is not None and watch.process.stdout is not None  # noqa: S101 - it has pipes
        self._watch = watch
        self._sink, self._source = watch.process.stdin, watch.process.stdout.fileno()
        self._unread = b""
        self._states: list[dict[str, Any]] = []

    def hold(self, root: Path, worker: dict[str, str]) -> int:
        """The whole session; how many of the questions the model answered with text. Raises _SessionError."""
        options = {**worker, "privateWorker": True, "workspaceIndex": True, "reuse": False}
        self._ask("initialize", {
            "processId": os.getpid(), "rootUri": root.as_uri(), "capabilities": {}, "initializationOptions":
            options,
        })  # fmt: skip
        self._tell("initialized", {})
        self._until_ready()
        answers = 0
        for number in range(_TRIES):
            uri = (root / f"open{number}.py").as_uri()
            document = {"uri": uri, "languageId": "python", "version": 1, "text": _TEXT}
            self._tell("textDocument/didOpen", {"textDocument": document})
            lines = _TEXT.split("\n")
            found = self._ask("textDocument/inlineCompletion", {
                "textDocument": {"uri": uri}, "context": {"triggerKind": 1},
                "position": {"line": len(lines) - 1, "character": len(lines[-1])},
            })  # fmt: skip
            answers += bool(found and found.get("items"))
            self._watch.look()
            if answers >= 3:
                break
        self._ask("shutdown", None)
        self._tell("exit", None)
        self._watch.process.wait(_PATIENCE_S)
        return answers

    def _until_ready(self) -> None:
        while not any(each.get("state") == "ready" for each in self._states):
            for each in self._states:
                if each.get("state") == "error":
                    raise _SessionError(f"the worker: {each.get('message')}")
            self._hear()

    def _ask(self, method: str, params: object) -> Any:
        self._send({"jsonrpc": "2.0", "id": method, "method": method, "params": params})
        while True:
            message = self._hear()
            if message.get("id") == method and "method" not in message:
                if "error" in message:
                    raise _SessionError(f"{method}: {message['error']}")
                return message.get("result")

    def _tell(self, method: str, params: object) -> None:
        self._send({"jsonrpc": "2.0", "method": method, "params": params})

    def _send(self, message: dict[str, object]) -> None:
        body = json.dumps(message).encode()
        self._sink.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        self._sink.flush()

    def _hear(self) -> dict[str, Any]:
        """The next message; answers what the server asks for."""
        deadline = time.monotonic() + _PATIENCE_S
        while True:
            head, separator, rest = self._unread.partition(b"\r\n\r\n")
            length = (
                int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0] or 0) if separator else 0
            )
            if separator and len(rest) >= length:
                self._unread = rest[length:]
                message = json.loads(rest[:length])
                break
            if not select.select([self._source], [], [], max(0.0, deadline - time.monotonic()))[0]:
                raise _SessionError(f"the server said nothing for {_PATIENCE_S:.0f} s")
            piece = os.read(self._source, 1 << 16)
            if not piece:
                raise _SessionError("the server ended")
            self._unread += piece
        if message.get("method") == "midfill/status":
            self._states.append(message["params"])
        elif "method" in message and "id" in message:
            self._send({"jsonrpc": "2.0", "id": message["id"], "result": None})
        return dict(message)
