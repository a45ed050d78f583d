from typing import Any

import pytest

from tests.lsp_server.fake_editor import FakeEditor

pytestmark = pytest.mark.asyncio

RESOLVES: dict[str, Any] = {
    "textDocument": {"codeAction": {"resolveSupport": {"properties": ["edit"]}}},
    "workspace": {"workspaceEdit": {"documentChanges": True}},
    "window": {"workDoneProgress": True},
}
STUB = "def add(a, b):\n    pass\n\n\nprint(add(1, 2))\n"
FULL = "def add(a, b):\n    return a + b\n"
NO_BODIES = ("return (a +\n", "if a:\nreturn b", ")", "pass", "", "x = '\u202e'")
NO_DOCSTRINGS = ("", "  \n ", 'ends with "', "a \\x escape", "x" * 3000)
REQUEST_FAILED, REQUEST_CANCELLED, CONTENT_MODIFIED = -32803, -32800, -32801


async def offered(editor: FakeEditor, uri: str, line: int = 0, only: list[str] | None = None) -> list[Any]:
    position = {"line": line, "character": 4}
    context: dict[str, Any] = {"diagnostics": []}
    if only is not None:
        context["only"] = only
    params = {
        "textDocument": {"uri": uri},
        "range": {"start": position, "end": position},
        "context": context,
    }
    return list(await editor.result("textDocument/codeAction", params))


async def choose(editor: FakeEditor, uri: str, title: str) -> dict[str, Any]:
    [action] = [action for action in await offered(editor, uri) if action["title"] == title]
    return dict(action)


def applied(text: str, action: dict[str, Any]) -> str:
    """The text after the action's one edit; its lines end in LF and hold ASCII."""
    [change] = action["edit"]["documentChanges"]
    [edit] = change["edits"]
    lines = text.splitlines(keepends=True)
    starts = [sum(map(len, lines[:number])) for number in range(len(lines) + 1)]
    start, end = (
        starts[edit["range"][which]["line"]] + edit["range"][which]["character"] for which in ("start", "end")
    )
    return text[:start] + str(edit["newText"]) + text[end:]


async def test_the_provider_says_its_kind_and_that_it_resolves() -> None:
    async with FakeEditor(RESOLVES) as editor:
        provider = editor.initialize_result["capabilities"]["codeActionProvider"]
        assert provider == {"codeActionKinds": ["refactor.rewrite"], "resolveProvider": True}


async def test_a_stub_is_offered_a_body_and_a_full_function_a_docstring() -> None:
    async with FakeEditor(RESOLVES) as editor:
        uri = editor.open(STUB)
        assert [action["title"] for action in await offered(editor, uri)] == [
            "Complete this body",
            "Add docstring",
        ]
        assert await offered(editor, uri, line=4) == []
        editor.change(uri, 2, FULL)
        assert [action["title"] for action in await offered(editor, uri)] == ["Add docstring"]
        assert editor.link.requests == []


@pytest.mark.parametrize(
    ("only", "num_offered"),
    [
        (["refactor"], 2),
        (["refactor.rewrite"], 2),
        ([""], 2),
        (["quickfix"], 0),
        (["refactor.re"], 0),
        ([], 0),
    ],
)
async def test_only_the_kinds_that_are_asked_for(only: list[str], num_offered: int) -> None:
    async with FakeEditor(RESOLVES) as editor:
        assert len(await offered(editor, editor.open(STUB), only=only)) == num_offered


async def test_complete_this_body_replaces_the_stub() -> None:
    async with FakeEditor(RESOLVES) as editor:
        uri = editor.open(STUB)
        action = await choose(editor, uri, "Complete this body")
        assert "edit" not in action
        editor.link.answer_with("total = a + b\n", "    return total\n", "\n\n", "x = 1\n")
        resolved = await editor.result("codeAction/resolve", action)
        assert resolved["edit"]["documentChanges"][0]["textDocument"] == {"uri": uri, "version": 1}
        assert applied(STUB, resolved) == (
            "def add(a, b):\n    total = a + b\n    return total\n\n\nprint(add(1, 2))\n"
        )
        [request] = editor.link.requests
        assert request.prefix == "def add(a, b):\n    "
        assert request.suffix == "\n\n\nprint(add(1, 2))\n"


async def test_add_docstring_goes_between_header_and_body() -> None:
    async with FakeEditor(RESOLVES) as editor:
        uri = editor.open(FULL)
        action = await choose(editor, uri, "Add docstring")
        editor.link.answer_with("Add two", " numbers.", '"""\n    return 5')
        resolved = await editor.result("codeAction/resolve", action)
        assert applied(FULL, resolved) == ('def add(a, b):\n    """Add two numbers."""\n    return a + b\n')
        [request] = editor.link.requests
        assert request.prefix == 'def add(a, b):\n    """'
        assert request.suffix == '"""\n    return a + b\n'


async def test_a_client_without_document_changes_gets_changes() -> None:
    capabilities = RESOLVES | {"workspace": {}}
    async with FakeEditor(capabilities) as editor:
        uri = editor.open(FULL)
        action = await choose(editor, uri, "Add docstring")
        editor.link.answer_with('Add."""')
        resolved = await editor.result("codeAction/resolve", action)
        [edit] = resolved["edit"]["changes"][uri]
        assert edit["newText"] == '\n    """Add."""'


@pytest.mark.parametrize(
    ("source", "title", "text"),
    [
        *((STUB, "Complete this body", text) for text in NO_BODIES),
        *((FULL, "Add docstring", text) for text in NO_DOCSTRINGS),
    ],
)
async def test_what_would_not_parse_or_not_do_is_not_applied(source: str, title: str, text: str) -> None:
    async with FakeEditor(RESOLVES) as editor:
        uri = editor.open(source)
        action = await choose(editor, uri, title)
        editor.link.answer_with(text)
        error = await editor.error("codeAction/resolve", action)
        assert error["code"] == REQUEST_FAILED
        assert "nothing was changed" in error["message"]


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("Add. Then sub", '"""Add."""'),
        ("Add a and b\n\n    Args:\n        a: the fir", '"""Add a and b\n\n    Args:\n    """'),
        ("Add. The" + " same" * 20, '"""Add."""'),
    ],
)
async def test_a_docstring_that_was_cut_off_ends_with_a_sentence(text: str, kept: str) -> None:
    async with FakeEditor(RESOLVES) as editor:
        uri = editor.open(FULL)
        action = await choose(editor, uri, "Add docstring")
        msg_id = editor.request("codeAction/resolve", action)
        (await editor.link.next_generation()).say(text).end("length")
        resolved = (await editor.reply(msg_id))["result"]
        assert applied(FULL, resolved) == f"def add(a, b):\n    {kept}\n    return a + b\n"


async def test_a_body_that_was_cut_off_ends_with_a_line() -> None:
    async with FakeEditor(RESOLVES) as editor:
        uri = editor.open(STUB)
        action = await choose(editor, uri, "Complete this body")
        msg_id = editor.request("codeAction/resolve", action)
        (await editor.link.next_generation()).say("total = a + b\n    return tot").end("length")
        resolved = (await editor.reply(msg_id))["result"]
        assert "    total = a + b\n\n\nprint" in applied(STUB, resolved)


async def test_a_worker_that_fails_is_the_reason_given() -> None:
    async with FakeEditor(RESOLVES) as editor:
        action = await choose(editor, editor.open(STUB), "Complete this body")
        msg_id = editor.request("codeAction/resolve", action)
        (await editor.link.next_generation()).fail("the worker is gone")
        error = (await editor.reply(msg_id))["error"]
        assert error["code"] == REQUEST_FAILED
        assert "the worker is gone" in error["message"]


async def test_progress_begins_reports_and_ends() -> None:
    async with FakeEditor(RESOLVES) as editor:
        action = await choose(editor, editor.open(STUB), "Complete this body")
        msg_id = editor.request("codeAction/resolve", action)
        generation = await editor.link.next_generation()
        await editor.hear("$/progress", 1)
        generation.say("return a")
        await editor.hear("$/progress", 2)
        generation.say(" + b\n").end()
        await editor.reply(msg_id)
        heard = await editor.hear("$/progress", 3)
        [create] = [each for each in editor.requests if each["method"] == "window/workDoneProgress/create"]
        assert {each["token"] for each in heard} == {create["params"]["token"]}
        values = [each["value"] for each in heard]
        assert values[0] == {"kind": "begin", "title": "Complete this body", "cancellable": True}
        assert values[1]["kind"] == "report" and values[1]["message"] == "8 characters"
        assert values[-1] == {"kind": "end"}


async def test_the_button_of_the_progress_bar_reaches_the_model() -> None:
    async with FakeEditor(RESOLVES) as editor:
        action = await choose(editor, editor.open(STUB), "Complete this body")
        msg_id = editor.request("codeAction/resolve", action)
        generation = await editor.link.next_generation()
        [begin] = await editor.hear("$/progress", 1)
        generation.say("return a")
        editor.notify("window/workDoneProgress/cancel", {"token": begin["token"]})
        assert (await editor.reply(msg_id))["error"]["code"] == REQUEST_CANCELLED
        assert generation.cancelled.is_set()
        assert (await editor.hear("$/progress", 2))[-1]["value"] == {"kind": "end"}


async def test_cancelling_the_request_reaches_the_model_and_ends_the_progress() -> None:
    async with FakeEditor(RESOLVES) as editor:
        action = await choose(editor, editor.open(STUB), "Complete this body")
        msg_id = editor.request("codeAction/resolve", action)
        generation = await editor.link.next_generation()
        await editor.hear("$/progress", 1)
        editor.notify("$/cancelRequest", {"id": msg_id})
        assert (await editor.reply(msg_id))["error"]["code"] == REQUEST_CANCELLED
        assert generation.cancelled.is_set()
        assert (await editor.hear("$/progress", 2))[-1]["value"] == {"kind": "end"}


@pytest.mark.parametrize("answers", [True, False])
async def test_a_client_that_refuses_the_progress_gets_none(answers: bool) -> None:
    capabilities = RESOLVES if answers else RESOLVES | {"window": {}}
    async with FakeEditor(capabilities) as editor:
        editor.refused_progress = True
        action = await choose(editor, editor.open(STUB), "Complete this body")
        editor.link.answer_with("return a + b\n")
        assert "edit" in await editor.result("codeAction/resolve", action)
        assert editor.heard("$/progress") == []
        assert len(editor.requests) == (1 if answers else 0)


async def test_an_action_of_another_version_is_refused() -> None:
    async with FakeEditor(RESOLVES) as editor:
        uri = editor.open(STUB)
        action = await choose(editor, uri, "Complete this body")
        editor.change(uri, 2, "x = 1\n", (0, 0, 0, 0))
        assert (await editor.error("codeAction/resolve", action))["code"] == CONTENT_MODIFIED
        assert editor.link.requests == []


@pytest.mark.parametrize("ends", [True, False])
async def test_an_edit_for_a_text_that_has_moved_on_is_not_given(ends: bool) -> None:
    async with FakeEditor(RESOLVES) as editor:
        uri = editor.open(STUB)
        action = await choose(editor, uri, "Complete this body")
        msg_id = editor.request("codeAction/resolve", action)
        generation = await editor.link.next_generation()
        editor.change(uri, 2, "x = 1\n", (0, 0, 0, 0))
        await editor.error("midfill/none", {})  # the change has been applied
        generation.say("return a")
        if ends:
            generation.end()
        assert (await editor.reply(msg_id))["error"]["code"] == CONTENT_MODIFIED
        assert generation.cancelled.is_set() != ends


async def test_a_completion_asked_for_meanwhile_does_not_supersede_it() -> None:
    async with FakeEditor(RESOLVES) as editor:
        uri = editor.open(STUB)
        action = await choose(editor, uri, "Complete this body")
        msg_id = editor.request("codeAction/resolve", action)
        generation = await editor.link.next_generation()
        inline = editor.request("textDocument/inlineCompletion", editor.at(uri, 4, 16))
        other = await editor.link.next_generation()
        assert other.request.document != generation.request.document
        other.say("x)").end()
        await editor.reply(inline)
        generation.say("return a + b\n").end()
        assert "edit" in (await editor.reply(msg_id))["result"]


async def test_a_client_that_does_not_resolve_gets_a_command_that_sends_the_edit() -> None:
    async with FakeEditor() as editor:
        uri = editor.open(STUB)
        action = await choose(editor, uri, "Complete this body")
        commands = editor.initialize_result["capabilities"]["executeCommandProvider"]["commands"]
        assert action["command"]["command"] in commands
        editor.link.answer_with("return a + b\n")
        command = {"command": action["command"]["command"], "arguments": action["command"]["arguments"]}
        assert await editor.result("workspace/executeCommand", command) is None
        [sent] = await editor.wait_for(
            lambda editor: [each for each in editor.requests if each["method"] == "workspace/applyEdit"]
        )
        assert sent["params"]["label"] == "Complete this body"
        [edit] = sent["params"]["edit"]["changes"][uri]
        assert edit["newText"] == "\n    return a + b"


async def test_a_client_that_resolves_gets_no_command() -> None:
    async with FakeEditor(RESOLVES) as editor:
        assert "command" not in await choose(editor, editor.open(STUB), "Complete this body")


@pytest.mark.parametrize("options", [{"enabled": False}, {"disabledLanguages": ["python"]}])
async def test_switched_off_nothing_is_offered(options: dict[str, Any]) -> None:
    async with FakeEditor(RESOLVES, options) as editor:
        assert await offered(editor, editor.open(STUB)) == []
