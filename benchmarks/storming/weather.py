"""What a client without manners sends: bursts of good and bad messages, drawn at random."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from benchmarks.storming.conversation import frame
from benchmarks.storming.ledger import Ledger, MessageId

INLINE = "textDocument/inlineCompletion"
MAX_BURST = 20
MAX_TYPED = 400

_TYPED = "total = first + second\nif total:\n    print(total)\nfor each in items:\n    # what it is\n"
_HEADS = {
    "file:///storm/a.py": ("python", "import os\n\n\ndef main(items):\n    first = second = 1\n    "),
    "file:///storm/b.ts": ("typescript", "export function main(items: number[]) {\n  let first = 1;\n  "),
    "file:///storm/c.go": ("go", "package c\n\nfunc main() {\n\tfirst := 1\n\t"),
    "file:///storm/d.md": ("markdown", "# Words\n\nThis is a line, and so is "),
}

# What is not what the method wants, each in the place of the params of a request.
_BAD_PARAMS: tuple[Any, ...] = (
    None, [], 7, "text", {}, {"textDocument": None}, {"textDocument": {"uri": 3}},
    {"textDocument": {"uri": "file:///storm/a.py"}, "position": {"line": -1, "character": 0}},
    {"textDocument": {"uri": "file:///storm/a.py"}, "position": {"line": "0", "character": []}},
    {"textDocument": {"uri": "file:///storm/a.py"}, "position": {"line": 1e99, "character": 0}, "context": 1},
)  # fmt: skip
# No JSON object that could be answered by its id: bodies of frames.
_NAMELESS: tuple[bytes, ...] = (
    b"", b"{", b"\xff\xfe", b"[]", b"null", b"NaN", b'"text"', b'{"jsonrpc": "2.0", "id": 1', b"[" * 3000,
    b'{"jsonrpc": "2.0", "id": null, "method": "shutdown"}',
    b'{"jsonrpc": "2.0", "id": 1.5, "method": "shutdown"}',
    b'{"jsonrpc": "2.0", "id": true, "method": "shutdown"}',
    b'{"jsonrpc": "2.0", "id": [1], "method": "shutdown"}',
    b'{"jsonrpc": "1.0", "method": "shutdown"}',
    b'{"jsonrpc": "2.0", "method": 3}',
)  # fmt: skip
# Frames that cannot be read; each is answered once, and the next one is read again.
_BAD_FRAMES: tuple[bytes, ...] = (
    b"Content-Type: none\r\n\r\n",
    b"Content-Length: none\r\n\r\n",
    b"Content-Length: 99999999999999999999\r\n\r\n",
)


@dataclass(slots=True)
class _Document:
    """As the client has it. `is_lost`: the server waits for its full text."""

    uri: str
    language: str
    head: str
    version: int = 0
    typed: str = ""
    is_open: bool = False
    is_lost: bool = False

    @property
    def position(self) -> dict[str, int]:
        before = self.head + self.typed
        return {"line": before.count("\n"), "character": len(before) - before.rfind("\n") - 1}


class Weather:
    """Writes every message into the ledger as it is drawn; they have to be sent in that order."""

    def __init__(self, rng: random.Random, ledger: Ledger) -> None:
        self._rng = rng
        self._ledger = ledger
        self._ids = itertools.count(1)
        self._old: list[MessageId] = []
        self._documents = [_Document(uri, *head) for uri, head in _HEADS.items()]
        self._kinds: dict[Callable[[], list[bytes]], int] = {
            self._ask: 30,
            self._type_and_ask: 25,
            self._type: 8,
            self._cancel: 15,
            self._other_request: 5,
            self._bad_params: 6,
            self._unknown: 3,
            self._same_id: 2,
            self._wrong_version: 1,
            self._bad_change: 1,
            self._bad_notification: 1,
            self._reopen: 1,
            self._stray_response: 1,
            self._nameless: 3,
            self._bad_frame: 1,
        }

    def burst(self) -> list[bytes]:
        """Some frames."""
        kinds = self._rng.choices(
            list(self._kinds), list(self._kinds.values()), k=self._rng.randint(1, MAX_BURST)
        )
        return [data for kind in kinds for data in kind()]

    # Good messages

    def _ask(self) -> list[bytes]:
        document = self._rng.choice(self._documents)
        asked = self._ready(document)
        params = {
            "textDocument": {"uri": document.uri},
            "position": document.position,
            "context": {"triggerKind": self._rng.choice((1, 2))},
        }
        return [*asked, self._request(INLINE, params, document.uri)]

    def _type_and_ask(self) -> list[bytes]:
        return [*self._type(), *self._ask()]

    def _type(self) -> list[bytes]:
        document = self._rng.choice(self._documents)
        sent = self._ready(document)
        if len(document.typed) >= MAX_TYPED:
            document.typed = ""
            return [*sent, self._change(document, {"text": document.head})]
        text = _TYPED[len(document.typed) % len(_TYPED)]
        place = document.position
        document.typed += text
        return [*sent, self._change(document, {"range": {"start": place, "end": place}, "text": text})]

    def _cancel(self) -> list[bytes]:
        waiting = self._ledger.waiting
        ids = [self._rng.choice(each) for each in (waiting, self._old) if each] or ["none"]
        self._ledger.notification()
        return [_notification("$/cancelRequest", {"id": self._rng.choice(ids)})]

    def _other_request(self) -> list[bytes]:
        document = self._rng.choice(self._documents)
        place = document.position
        about = {"textDocument": {"uri": document.uri}}
        method, params = self._rng.choice(
            [
                ("textDocument/completion", about | {"position": place}),
                (
                    "textDocument/codeAction",
                    about | {"range": {"start": place, "end": place}, "context": {"diagnostics": []}},
                ),
                (INLINE, {"textDocument": {"uri": "file:///storm/closed.py"}, "position": place,
                          "context": {"triggerKind": 2}}),
            ]
        )  # fmt: skip
        return [self._request(method, params)]

    def _reopen(self) -> list[bytes]:
        document = self._rng.choice(self._documents)
        if not document.is_open:
            return self._ready(document)
        document.is_open = False
        self._ledger.notification(document.uri)
        return [_notification("textDocument/didClose", {"textDocument": {"uri": document.uri}})]

    # Bad ones

    def _bad_params(self) -> list[bytes]:
        method = self._rng.choice((INLINE, "textDocument/codeAction", "workspace/executeCommand"))
        return [self._request(method, self._rng.choice(_BAD_PARAMS))]

    def _unknown(self) -> list[bytes]:
        unknown: tuple[tuple[str, Any], ...] = (
            ("midfill/nothing", {}), ("", None), ("initialize", {}), ("textDocument/hover", {}),
        )  # fmt: skip
        method, params = self._rng.choice(unknown)
        return [self._request(method, params)]

    def _same_id(self) -> list[bytes]:
        waiting = self._ledger.waiting
        if not waiting:
            return self._unknown()
        identity = self._rng.choice(waiting)
        self._ledger.request(identity)
        return [frame({"jsonrpc": "2.0", "id": identity, "method": "midfill/nothing", "params": {}})]

    def _wrong_version(self) -> list[bytes]:
        document = self._rng.choice(self._documents)
        sent = self._ready(document)
        document.is_lost = True
        self._ledger.notification(document.uri)
        place = document.position
        about = {"uri": document.uri, "version": document.version - self._rng.randint(0, 3)}
        change = {"range": {"start": place, "end": place}, "text": "lost"}
        return [
            *sent,
            _notification("textDocument/didChange", {"textDocument": about, "contentChanges": [change]}),
        ]

    def _bad_change(self) -> list[bytes]:
        document = self._rng.choice(self._documents)
        sent = self._ready(document)
        document.is_lost = True
        self._ledger.notification(document.uri)
        about = {"uri": document.uri, "version": document.version + 1}
        wrong: tuple[Any, ...] = (None, 3, [{}], [{"range": 1, "text": "lost"}])
        changes = self._rng.choice(wrong)
        return [
            *sent,
            _notification("textDocument/didChange", {"textDocument": about, "contentChanges": changes}),
        ]

    def _bad_notification(self) -> list[bytes]:
        method = self._rng.choice(("textDocument/didOpen", "$/cancelRequest", "midfill/nothing"))
        self._ledger.notification()
        return [_notification(method, self._rng.choice(_BAD_PARAMS))]

    def _stray_response(self) -> list[bytes]:
        self._ledger.notification()
        return [frame({"jsonrpc": "2.0", "id": self._rng.randint(1, 9), "result": None})]

    def _nameless(self) -> list[bytes]:
        self._ledger.nameless()
        body = self._rng.choice(_NAMELESS)
        return [b"Content-Length: %d\r\n\r\n%s" % (len(body), body)]

    def _bad_frame(self) -> list[bytes]:
        """With one that is good behind it: only that ends the search for the next header."""
        self._ledger.nameless()
        return [self._rng.choice(_BAD_FRAMES), *self._stray_response()]

    # How they are put together

    def _ready(self, document: _Document) -> list[bytes]:
        """What has to be sent for the server to have the document as it is here."""
        if not document.is_open:
            document.is_open, document.is_lost, document.typed = True, False, ""
            document.version = 1
            self._ledger.notification(document.uri)
            about = {
                "uri": document.uri, "languageId": document.language, "version": 1, "text": document.head,
            }  # fmt: skip
            return [_notification("textDocument/didOpen", {"textDocument": about})]
        if document.is_lost:
            document.is_lost = False
            return [self._change(document, {"text": document.head + document.typed})]
        return []

    def _change(self, document: _Document, change: dict[str, Any]) -> bytes:
        document.version += 1
        self._ledger.notification(document.uri)
        about = {"uri": document.uri, "version": document.version}
        return _notification("textDocument/didChange", {"textDocument": about, "contentChanges": [change]})

    def _request(self, method: str, params: object, document: str = "") -> bytes:
        number = next(self._ids)
        identity: MessageId = f"s{number}" if self._rng.random() < 0.2 else number
        self._old = [*self._old[-50:], identity]
        self._ledger.request(identity, document)
        return frame({"jsonrpc": "2.0", "id": identity, "method": method, "params": params})


def _notification(method: str, params: object) -> bytes:
    return frame({"jsonrpc": "2.0", "method": method, "params": params})
