"""What of an earlier request serves a later one, as an editor and a worker see it."""

import asyncio
from typing import Any

import pytest

from tests.lsp_server.fake_editor import FakeEditor
from tests.lsp_server.typist import METHOD, Typist

pytestmark = pytest.mark.asyncio

STATISTICS = "midfill/inlineCompletionStatistics"


@pytest.mark.parametrize(
    ("before", "behind", "generated", "text"),
    [
        ("x = ", "\nz = 1\n", "foo(a, b)\ny = 2\n", "foo(a, b)"),
        ("x = ", "\n", " foo('a b')\n\n", "foo('a b')"),
        # An open bracket may look as if it were closed further down.
        ("x = [\n    a for a in ", "\n]\n", "f(b[0])\n]\n", "f(b[0])"),
        # A block stays a block though its first line is begun.
        ("def f():\n    ", "\n\n\ng()\n", "x = 1\n    return x\n\n\ng()\n", "x = 1\n    return x"),
    ],
)
async def test_typing_through_a_shown_completion_asks_the_model_once(
    before: str, behind: str, generated: str, text: str
) -> None:
    async with FakeEditor() as editor:
        typist = Typist(editor, before, behind=behind)
        editor.link.answer_with(generated)
        assert await typist.shown() == text
        for count, character in enumerate(text, 1):
            typist.type(character)
            assert await typist.shown() == (text[count:] if text[count:].strip() else "")
        assert len(editor.link.requests) == 1


async def test_a_correction_is_typed_past() -> None:
    async with FakeEditor() as editor:
        typist = Typist(editor, "x = ")
        editor.link.answer_with("foo(a, b)\n")
        assert await typist.shown() == "foo(a, b)"
        typist.type("fp")
        editor.link.answer_with("rint(a)\n")
        assert await typist.shown() == "rint(a)"
        typist.erase(1)
        assert await typist.shown() == "oo(a, b)"
        typist.type("oo")
        assert await typist.shown() == "(a, b)"
        typist.erase(3)
        assert await typist.shown() == "foo(a, b)"
        assert len(editor.link.requests) == 2


async def test_an_editor_that_closes_brackets_types_through_too() -> None:
    async with FakeEditor() as editor:
        typist = Typist(editor, "x = ", behind="\n")
        editor.link.answer_with("foo([a, b])\n")
        await typist.shown()
        typist.type("foo")
        typist.type("(", ")")
        assert await typist.shown() == "[a, b]"
        typist.type("[", "]")
        assert await typist.shown() == "a, b"
        assert len(editor.link.requests) == 1


@pytest.mark.parametrize(
    ("change", "range"),
    [("import os\n", (0, 0, 0, 0)), ("b", (0, 0, 0, 1)), ("\ny = 1", (2, 5, 2, 5)), (" + 1", (1, 4, 1, 4))],
)
async def test_an_edit_elsewhere_has_the_model_asked_again(
    change: str, range: tuple[int, int, int, int]
) -> None:
    async with FakeEditor() as editor:
        uri = editor.open("a = 1\nx = \nc = 3\n", uri="file:///project/a.rb", language="ruby")
        editor.link.answer_with("foo(a)\n")
        assert len(await editor.inline(uri, 1, 4)) == 1
        editor.change(uri, 2, change, range)
        line = 2 if "import" in change else 1
        await editor.inline(uri, line, 4)
        assert len(editor.link.requests) == 2


async def test_a_window_that_has_scrolled_changes_nothing() -> None:
    async with FakeEditor() as editor:
        typist = Typist(editor, "a = 1\n" * 10_000 + "def f():\n    ", behind="\n" + "b = 2\n" * 10_000)
        block = "".join(f"x{n} = g({n})\n    " for n in range(1000))
        editor.link.answer_with(block)
        assert (await typist.shown()).startswith("x0 = g(0)")
        prefix = editor.link.requests[0].prefix
        typist.type(block[: block.index("x999")])
        assert await typist.shown() == "x999 = g(999)"
        assert len(editor.link.requests) == 1
        typist.type("y")
        await typist.shown()
        assert not editor.link.requests[1].prefix.startswith(prefix)  # it has scrolled


async def test_what_the_model_did_not_come_to_say_is_asked_for() -> None:
    async with FakeEditor() as editor:
        typist = Typist(editor, "x = ", behind="\n")
        generation_id = typist.request()
        generation = await editor.link.next_generation()
        generation.say("1\n", "y")  # the statement has ended: the model is stopped
        assert await typist.reply(generation_id) == "1"
        assert generation.cancelled.is_set()
        typist.type("1\n")
        editor.link.answer_with("y = 2\n")
        assert await typist.shown() == "y = 2"
        assert len(editor.link.requests) == 2


async def test_a_text_that_was_cut_short_serves_until_it_is_used_up() -> None:
    async with FakeEditor() as editor:
        typist = Typist(editor, "x = ", behind="\n")
        editor.link.script = lambda generation: generation.say("foo + ba").end("length")
        assert await typist.shown() == "foo + ba"
        typist.type("foo ")
        assert await typist.shown() == "+ ba"
        assert len(editor.link.requests) == 1
        typist.type("+ ba")
        editor.link.answer_with("r\n")
        assert await typist.shown() == "r"
        assert len(editor.link.requests) == 2


async def test_what_is_shown_passes_trim_and_gate_at_the_new_place() -> None:
    async with FakeEditor() as editor:
        typist = Typist(editor, "x = ", behind="\n")
        editor.link.answer_with("a;  \u200b b\n")
        assert await typist.shown() == "a;"
        typist.type("a;")
        assert await typist.shown() == ""
        assert len(editor.link.requests) == 1


@pytest.mark.parametrize("end", ["close", "settings", "reopen"])
async def test_it_is_forgotten(end: str) -> None:
    async with FakeEditor() as editor:
        typist = Typist(editor, "x = ", behind="\n")
        editor.link.answer_with("foo\n")
        assert await typist.shown() == "foo"
        if end == "settings":
            settings = {"settings": {"midfill": {"maxTokens": 7}}}
            editor.notify("workspace/didChangeConfiguration", settings)
        else:
            if end == "close":
                editor.notify("textDocument/didClose", {"textDocument": {"uri": typist.uri}})
            typist = Typist(editor, "x = ", behind="\n")
        assert await typist.shown() == "foo"
        assert len(editor.link.requests) == 2


async def test_reuse_can_be_switched_off() -> None:
    async with FakeEditor(options={"reuse": False}) as editor:
        typist = Typist(editor, "x = ", behind="\n")
        editor.link.answer_with("foo\n")
        assert await typist.shown() == "foo"
        await typist.shown()
        assert len(editor.link.requests) == 2


async def test_a_running_request_is_taken_over_by_the_next_keystroke() -> None:
    async with FakeEditor(options={"streaming": True}) as editor:
        typist = Typist(editor, "x = ", behind="\n")
        first = typist.request()
        generation = await editor.link.next_generation()
        generation.say("foo")
        await editor.hear("midfill/inlineCompletionPartial")
        typist.type("fo")
        assert await typist.reply(first) == ""
        second = typist.request()
        editor.notify("$/cancelRequest", {"id": first})
        partials = await editor.hear("midfill/inlineCompletionPartial", 2)
        assert [partial["text"] for partial in partials] == ["foo", "o"]
        generation.say("(a)").end()
        assert await typist.reply(second) == "o(a)"
        assert not generation.cancelled.is_set()
        assert len(editor.link.requests) == 1
        told = await editor.hear(STATISTICS, 2)
        assert sorted(each["source"] for each in told) == ["adopted", "model"]
        await typist.shown()
        assert (await editor.hear(STATISTICS, 3))[2]["source"] == "recent"


@pytest.mark.parametrize("typed", ["g", "foo", ""])
async def test_a_running_request_that_does_not_fit_is_stopped_by_the_change(typed: str) -> None:
    async with FakeEditor(options={"streaming": True}) as editor:
        typist = Typist(editor, "x = ", behind="\n")
        first = typist.request()
        generation = await editor.link.next_generation()
        generation.say("f")
        await editor.hear("midfill/inlineCompletionPartial")
        if typed:
            typist.type(typed)
        else:
            typist.erase(1)
        assert await typist.reply(first) == ""
        assert generation.cancelled.is_set()


async def test_the_cancel_of_the_last_request_stops_the_model() -> None:
    async with FakeEditor() as editor:
        typist = Typist(editor, "x = ", behind="\n")
        ids = [typist.request(), typist.request()]
        generation = await editor.link.next_generation()
        assert await typist.reply(ids[0]) == ""
        editor.notify("$/cancelRequest", {"id": ids[1]})
        assert (await editor.reply(ids[1]))["error"]["code"] == -32800
        assert generation.cancelled.is_set()


async def test_a_request_for_another_place_stops_what_was_left() -> None:
    async with FakeEditor() as editor:
        uri = editor.open("x = \ny;\n")
        first = editor.request(METHOD, editor.at(uri, 0, 4))
        generation = await editor.link.next_generation()
        assert await editor.inline(uri, 1, 2) == []
        assert (await editor.reply(first))["result"]["items"] == []
        assert generation.cancelled.is_set()
        assert len(editor.link.requests) == 1


async def test_without_a_reader_the_model_does_not_run_on_for_ever() -> None:
    async with FakeEditor(options={"streaming": True}) as editor:
        typist = Typist(editor, "x = ", behind="\n")
        generation = await typist.left("fo")
        generation.say("o\n", "\n", "b", "ar\nba")
        await asyncio.wait_for(generation.cancelled.wait(), 10)
        assert await typist.shown() == "oo"
        assert len(editor.link.requests) == 1


async def test_an_action_stops_what_nobody_waits_for() -> None:
    async with FakeEditor(options={"streaming": True}) as editor:
        before, behind = "<?php\nfunction f() {\n    return ", ";\n}\n\nfunction g() {\n}\n"
        typist = Typist(editor, before, "php", behind)
        generation = await typist.left("x + y")
        params: dict[str, Any] = {
            "textDocument": {"uri": typist.uri},
            "range": {"start": {"line": 5, "character": 14}, "end": {"line": 5, "character": 14}},
            "context": {"diagnostics": []},
        }
        [action, *_] = await editor.result("textDocument/codeAction", params)
        editor.request("codeAction/resolve", action)
        await editor.link.next_generation()
        assert generation.cancelled.is_set()


async def test_a_failed_text_is_not_served() -> None:
    async with FakeEditor() as editor:
        typist = Typist(editor, "x = ", behind="\n")
        editor.link.script = lambda generation: generation.say("foo\ny").fail("gone")
        await typist.shown()
        editor.link.answer_with("bar\n")
        assert await typist.shown() == "bar"
