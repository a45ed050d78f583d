"""The server under a client that says and does what LSP4IJ does with the template in editors/jetbrains.

No JetBrains IDE runs here. What LSP4IJ 0.20 sends was read in its sources: no position encodings (so utf-16),
`resolveSupport` for `edit`, completions asked for automatically, and settings from `workspace/configuration`.
"""

import asyncio
import json
import os
import shlex
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from lsprotocol import types
from lsprotocol.converters import get_converter
from pytest_lsp import LanguageClient, make_test_lsp_client

from tests.own_home import own_home
from tests.patient_client import GIVE_UP_S, completed

pytestmark = pytest.mark.asyncio

TEMPLATE = Path(__file__).resolve().parents[2] / "editors" / "jetbrains"
URI = "file:///project/reader.py"
CODE = "class Reader:\n    def title(self):\n        # 😀\n        return\n"
WRITTEN = " self.name"
END = types.Position(3, 14)
AUTOMATIC = 2

LSP4IJ = {
    "workspace": {
        "applyEdit": True,
        "configuration": True,
        "workspaceEdit": {"documentChanges": True},
        "didChangeConfiguration": {"dynamicRegistration": True},
        "executeCommand": {"dynamicRegistration": True},
    },
    "textDocument": {
        "synchronization": {"dynamicRegistration": True, "didSave": True},
        "completion": {"completionItem": {"snippetSupport": True}},
        "inlineCompletion": {"dynamicRegistration": True},
        "codeAction": {
            "codeActionLiteralSupport": {
                "codeActionKind": {"valueSet": ["", "refactor", "refactor.rewrite"]}
            },
            "dataSupport": True,
            "resolveSupport": {"properties": ["edit"]},
        },
    },
    "window": {"workDoneProgress": True, "showDocument": {"support": True}},
}


def read(name: str) -> Any:
    return json.loads((TEMPLATE / f"{name}.json").read_text(encoding="utf-8"))


@pytest.fixture
def program() -> Iterator[tuple[list[str], dict[str, str]]]:
    """The template's command line and an environment in which it finds `midfill`, with a home of its own."""
    with own_home() as environment:
        home = environment["HOME"]
        midfill = Path(home) / "midfill"
        midfill.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m lsp_server "$@"\n')
        midfill.chmod(0o755)
        path = {"PATH": f"{home}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": str(TEMPLATE.parents[1])}
        yield shlex.split(read("template")["programArgs"]["default"]), {**environment, **path}


def settings(**chosen: Any) -> dict[str, Any]:
    """settings.json as `expandConfiguration` makes it: dotted names become nested objects."""
    expanded: dict[str, Any] = {}
    for name, value in read("settings").items():
        section, _, key = name.partition(".")
        expanded.setdefault(section, {})[key] = value
    expanded["midfill"].update(chosen)
    return expanded


async def start(program: tuple[list[str], dict[str, str]], **chosen: Any) -> LanguageClient:
    """A client that has the file open in a server that was told `chosen` beside the template's settings."""
    command, environment = program
    client = make_test_lsp_client()
    client.set_configuration(settings(**chosen))
    await client.start_io(*command, env=environment)
    result = await client.initialize_session(
        types.InitializeParams(
            capabilities=get_converter().structure(LSP4IJ, types.ClientCapabilities),
            process_id=os.getpid(),
            root_uri="file:///project",
            initialization_options=read("initializationOptions"),
        )
    )
    assert result.capabilities.position_encoding == types.PositionEncodingKind.Utf16
    assert result.capabilities.inline_completion_provider is not None
    document = types.TextDocumentItem(URI, "python", 1, CODE)
    client.text_document_did_open(types.DidOpenTextDocumentParams(document))
    return client


def at_end() -> types.InlineCompletionParams:
    context = types.InlineCompletionContext(types.InlineCompletionTriggerKind(AUTOMATIC))
    return types.InlineCompletionParams(context, types.TextDocumentIdentifier(URI), END)


async def test_ghost_text_and_a_code_action(
    program: tuple[list[str], dict[str, str]], make_scripted_model: Callable[[str], Path]
) -> None:
    model = str(make_scripted_model(WRITTEN))
    client = await start(program, model=model, privateWorker=True)

    @client.feature("midfill/inlineCompletionPartial")
    def partial(_: Any) -> None:
        pytest.fail("it did not ask for this")

    item = await completed(client, at_end())
    assert item.insert_text == WRITTEN
    assert item.range == types.Range(END, END)  # an empty range: LSP4IJ replaces what is in it
    assert item.command is None  # LSP4IJ would not run it

    here = types.Range(types.Position(1, 8), types.Position(1, 8))
    params = types.CodeActionParams(types.TextDocumentIdentifier(URI), here, types.CodeActionContext([]))
    async with asyncio.timeout(GIVE_UP_S):
        offered = await client.text_document_code_action_async(params)
        assert offered is not None
        [action] = [entry for entry in offered if entry.title == "Add docstring"]
        assert isinstance(action, types.CodeAction)
        assert action.edit is None, "the model is asked when the action is chosen"
        resolved = await client.code_action_resolve_async(action)
    assert resolved.edit is not None and resolved.edit.document_changes is not None
    [change] = resolved.edit.document_changes
    assert isinstance(change, types.TextDocumentEdit)
    [edit] = change.edits
    assert isinstance(edit, types.TextEdit)
    assert edit.new_text == f'\n        """{WRITTEN.strip()}"""'

    await client.shutdown_session()
    await client.stop()


async def test_settings_of_the_configuration_tab_arrive(
    program: tuple[list[str], dict[str, str]], make_scripted_model: Callable[[str], Path]
) -> None:
    model = str(make_scripted_model(WRITTEN))
    client = await start(program, model=model, privateWorker=True)
    await completed(client, at_end())
    client.set_configuration(settings(model=model, privateWorker=True, disabledLanguages=["python"]))
    client.workspace_did_change_configuration(types.DidChangeConfigurationParams(settings()))
    context = types.InlineCompletionContext(types.InlineCompletionTriggerKind(AUTOMATIC))
    params = types.InlineCompletionParams(context, types.TextDocumentIdentifier(URI), END)
    async with asyncio.timeout(GIVE_UP_S):
        while (await client.text_document_inline_completion_async(params)).items:
            await asyncio.sleep(0.05)
    await client.shutdown_session()
    await client.stop()
