"""A language server whose answers are known beforehand, so that a test can say what an editor must show.

Run as `midfill` would be: `scripted_server.py lsp --stdio`, `--version`, `doctor`.
"""

from __future__ import annotations

import asyncio
import sys

from lsprotocol import types
from pygls.lsp.server import LanguageServer

COMPLETION = "return sum(values) / len(values)"
PIECES = ("return", "return sum(values)", COMPLETION)
PIECE_EVERY_S = 1.0  # slow enough for a person, and for a test that polls, to see each


class ScriptedServer(LanguageServer):
    streaming = False


server = ScriptedServer("scripted", "1")


@server.feature(types.INITIALIZE)
def initialize(ls: ScriptedServer, params: types.InitializeParams) -> None:
    options = params.initialization_options
    ls.streaming = isinstance(options, dict) and options.get("streaming") is True


@server.feature(types.INITIALIZED)
def initialized(ls: ScriptedServer, params: types.InitializedParams) -> None:
    status(ls, "ready", "ready")


@server.feature(types.TEXT_DOCUMENT_INLINE_COMPLETION, types.InlineCompletionOptions())
async def inline_completion(
    ls: ScriptedServer, params: types.InlineCompletionParams
) -> types.InlineCompletionList:
    """On an indented empty line, the next statement; elsewhere nothing."""
    document = ls.workspace.get_text_document(params.text_document.uri)
    line = "".join(document.lines[params.position.line :][:1]).rstrip("\n")
    if not line or line.strip():
        return types.InlineCompletionList([])
    for piece in PIECES if ls.streaming else ():
        partial = {"uri": document.uri, "version": document.version}
        ls.protocol.notify(
            "midfill/inlineCompletionPartial",
            {"textDocument": partial, "position": params.position, "text": piece},
        )
        await asyncio.sleep(PIECE_EVERY_S)
    here = types.Range(params.position, params.position)
    return types.InlineCompletionList([types.InlineCompletionItem(insert_text=COMPLETION, range=here)])


@server.feature(types.TEXT_DOCUMENT_DID_OPEN)
def did_open(ls: ScriptedServer, params: types.DidOpenTextDocumentParams) -> None:
    if params.text_document.uri.endswith("/damaged.py"):
        status(ls, "error", "The model file is damaged.", "Run midfill doctor.")


def status(ls: ScriptedServer, state: str, message: str, cure: str = "") -> None:
    body = {"state": state, "message": message, "model": "scripted", "device": "paper", "cure": cure}
    ls.protocol.notify("midfill/status", body)


if __name__ == "__main__":
    if sys.argv[1:] == ["lsp", "--stdio"]:
        server.start_io()
    elif sys.argv[1:] == ["--version"]:
        print("midfill 0 (scripted)")
    elif sys.argv[1:] == ["doctor"]:
        print("all is scripted")
    else:
        sys.exit(f"unknown arguments: {sys.argv[1:]}")
