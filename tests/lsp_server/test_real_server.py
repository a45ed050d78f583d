"""The real server and the real worker, as processes, driven by pytest-lsp's client over stdio.

The model writes " self.name" whatever the prompt, so what is shown is known.
"""

import ast
import asyncio
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from lsprotocol import types
from pytest_lsp import LanguageClient, client_capabilities, make_test_lsp_client

from tests.own_home import own_home
from tests.patient_client import GIVE_UP_S, completed

pytestmark = pytest.mark.asyncio

URI = "file:///project/reader.py"
CODE = "class Reader:\n    # 名前 😀\n    def title(self):\n        return\n"


@pytest.fixture(scope="module")
def environment() -> Iterator[dict[str, str]]:
    with own_home() as environment:
        yield {**environment, "PYTHONPATH": str(Path.cwd())}


@pytest.fixture(scope="module")
def model(make_scripted_model: Callable[[str], Path]) -> Path:
    return make_scripted_model(" self.name")


async def start(environment: dict[str, str]) -> LanguageClient:
    client = make_test_lsp_client()
    await client.start_io(sys.executable, "-m", "lsp_server", "lsp", "--stdio", env=environment)
    return client


async def begin(client: LanguageClient, profile: str, options: dict[str, Any]) -> types.InitializeResult:
    capabilities = client_capabilities(profile)
    assert capabilities.text_document is not None
    capabilities.text_document.inline_completion = types.InlineCompletionClientCapabilities()
    workspace = capabilities.workspace
    if workspace is not None:
        workspace.configuration = False  # the options are the settings
    return await client.initialize_session(
        types.InitializeParams(
            capabilities=capabilities,
            process_id=os.getpid(),
            root_uri="file:///project",
            initialization_options={"privateWorker": True, **options},
        )
    )


def at(line: int, character: int) -> types.InlineCompletionParams:
    return types.InlineCompletionParams(
        types.InlineCompletionContext(types.InlineCompletionTriggerKind.Automatic),
        types.TextDocumentIdentifier(URI),
        types.Position(line, character),
    )


@pytest.mark.parametrize(("profile", "encoding"), [("visual-studio-code", "utf-16"), ("neovim", "utf-8")])
async def test_a_session(environment: dict[str, str], model: Path, profile: str, encoding: str) -> None:
    client = await start(environment)
    # With reuse the older of two requests for the same place may be answered before the newer comes.
    initialized = await begin(client, profile, {"model": str(model), "reuse": False})
    assert initialized.capabilities.position_encoding == encoding
    client.text_document_did_open(
        types.DidOpenTextDocumentParams(types.TextDocumentItem(URI, "python", 1, CODE))
    )

    item = await completed(client, at(3, 14))
    cursor = types.Position(3, 14)
    assert (item.insert_text, item.range) == (" self.name", types.Range(cursor, cursor))

    both = [client.text_document_inline_completion_async(at(3, 14)) for _ in range(2)]
    async with asyncio.timeout(GIVE_UP_S):
        older, newer = await asyncio.gather(*both)
    assert not older.items
    assert newer.items[0].insert_text == " self.name"

    # The emoji is two units in utf-16 and four bytes in utf-8; the name before it two or six.
    end = types.Position(1, {"utf-16": 11, "utf-8": 17}[encoding])
    start_of_emoji = types.Position(1, end.character - {"utf-16": 2, "utf-8": 4}[encoding])
    client.text_document_did_change(
        types.DidChangeTextDocumentParams(
            types.VersionedTextDocumentIdentifier(2, URI),
            [
                types.TextDocumentContentChangePartial(types.Range(start_of_emoji, end), "x"),
                types.TextDocumentContentChangePartial(
                    types.Range(cursor, cursor), " None\n\n    def name(self):\n        return"
                ),
            ],
        )
    )
    item = await completed(client, at(6, 14))
    assert item.insert_text == " self.name"

    await client.shutdown_session()
    await client.stop()


async def test_a_model_that_is_not_there_is_told_with_its_cure(environment: dict[str, str]) -> None:
    client = await start(environment)
    heard: list[Any] = []
    told = asyncio.Event()

    @client.feature("midfill/status")
    def status(params: Any) -> None:
        heard.append(params)
        if params.state == "error":
            told.set()

    await begin(client, "neovim", {"model": "/nowhere/model"})
    client.text_document_did_open(
        types.DidOpenTextDocumentParams(types.TextDocumentItem(URI, "python", 1, CODE))
    )
    async with asyncio.timeout(GIVE_UP_S):
        await told.wait()
        result = await client.text_document_inline_completion_async(at(3, 14))
    assert not result.items
    assert "/nowhere/model" in heard[-1].message
    assert heard[-1].cure
    await client.shutdown_session()
    await client.stop()


async def test_the_model_that_ships_writes_python_and_a_keystroke_reuses_its_prompt(
    environment: dict[str, str],
) -> None:
    client = await start(environment)
    costs: asyncio.Queue[Any] = asyncio.Queue()

    @client.feature("midfill/inlineCompletionStatistics")
    def statistics(params: Any) -> None:
        costs.put_nowait(params.statistics)

    await begin(client, "visual-studio-code", {"streaming": True, "reuse": False})
    code = CODE.replace("return", "return self.").replace("# 名前 😀", "name = 'x'")
    client.text_document_did_open(
        types.DidOpenTextDocumentParams(types.TextDocumentItem(URI, "python", 1, code))
    )
    item = await completed(client, at(3, 20))
    assert isinstance(item.insert_text, str)
    ast.parse(code.replace("self.", "self." + item.insert_text))
    end = types.Position(3, 20)
    change = types.TextDocumentContentChangePartial(types.Range(end, end), item.insert_text[0])
    client.text_document_did_change(
        types.DidChangeTextDocumentParams(types.VersionedTextDocumentIdentifier(2, URI), [change])
    )
    async with asyncio.timeout(GIVE_UP_S):
        first = await costs.get()
        await client.text_document_inline_completion_async(at(3, 21))
        second = await costs.get()
    assert first.generated_tokens > 0
    assert second.cached_tokens > second.prompt_tokens // 2
    await client.shutdown_session()
    await client.stop()
