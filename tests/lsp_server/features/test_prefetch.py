"""The request after an acceptance, made while the completion is still on the screen."""

import asyncio

import pytest

from lsp_server.features import inline_completion
from tests.lsp_server.fake_editor import FakeEditor
from tests.lsp_server.typist import Typist

pytestmark = pytest.mark.asyncio

ON = {"prefetch": True, "streaming": True}


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inline_completion, "PREFETCH_AFTER_S", 0.0)


async def shown(typist: Typist, text: str) -> None:
    """A completion is on the screen, and the model was stopped behind it."""
    msg_id = typist.request()
    (await typist.editor.link.next_generation()).say(text).end("length")
    assert await typist.reply(msg_id) == text


async def test_what_follows_an_acceptance_is_there_before_it() -> None:
    async with FakeEditor(options=ON) as editor:
        typist = Typist(editor, "def f(a, b):\n    ", behind="\n\n\nprint(f(1, 2))\n")
        await shown(typist, "c = a + b")
        ahead = await editor.link.next_generation()
        assert ahead.request.prefix.endswith("    c = a + b")
        assert ahead.request.document != editor.link.requests[0].document
        ahead.say("\n", "    return c\n", "\n\nprint(f(1,", " 2))\n")
        await asyncio.wait_for(ahead.cancelled.wait(), 10)  # it does not run on for ever
        typist.type("c = a + b")
        assert await typist.shown() == ""
        typist.type("\n    ")
        assert await typist.shown() == "return c"
        asked = [request.document for request in editor.link.requests]
        assert asked.count(asked[0]) == 1  # the others are prefetches


async def test_what_is_on_its_way_is_taken_over_by_the_request_after_the_acceptance() -> None:
    async with FakeEditor(options=ON) as editor:
        typist = Typist(editor, "x = ", behind="\n")
        await shown(typist, "foo(a,")
        ahead = await editor.link.next_generation()
        typist.type("foo(a,")
        msg_id = typist.request()
        ahead.say(" b)\n").end()
        assert await typist.reply(msg_id) == " b)"
        assert not ahead.cancelled.is_set()
        assert [request.prefix for request in editor.link.requests[:2]] == ["x = ", "x = foo(a,"]


async def test_typing_on_stops_it_and_typing_through_does_not_ask_again() -> None:
    async with FakeEditor(options=ON) as editor:
        typist = Typist(editor, "x = ", behind="\n")
        await shown(typist, "foo")
        ahead = await editor.link.next_generation()
        typist.type("f")
        await asyncio.wait_for(ahead.cancelled.wait(), 10)
        assert await typist.shown() == "oo"
        again = await editor.link.next_generation()  # the first was stopped before it said anything
        again.end()
        assert await typist.shown() == "oo"
        typist.type("o")
        assert await typist.shown() == "o"
        assert len(editor.link.requests) == 3


async def test_any_other_request_stops_it() -> None:
    async with FakeEditor(options=ON) as editor:
        typist = Typist(editor, "x = ", behind="\n")
        other = editor.open("y = ", uri="file:///project/other.py")
        await shown(typist, "foo")
        ahead = await editor.link.next_generation()
        editor.request("textDocument/inlineCompletion", editor.at(other, 0, 4))
        request = await editor.link.next_generation()
        assert request.request.prefix == "y = "
        assert ahead.cancelled.is_set()


async def test_it_waits_while_anybody_waits_for_the_model() -> None:
    async with FakeEditor(options=ON) as editor:
        typist = Typist(editor, "x = ", behind="\n")
        other = editor.open("y = ", uri="file:///project/other.py")
        first = editor.request("textDocument/inlineCompletion", editor.at(other, 0, 4))
        waiting = await editor.link.next_generation()
        await shown(typist, "foo")
        assert await typist.shown() == "foo"  # by then the pause is over
        waiting.end()
        await editor.reply(first)
        assert len(editor.link.requests) == 2


async def test_it_can_be_switched_off() -> None:
    async with FakeEditor(options={"prefetch": False}) as editor:
        typist = Typist(editor, "x = ", behind="\n")
        await shown(typist, "foo")
        assert await typist.shown() == "foo"
        assert len(editor.link.requests) == 1


async def test_where_the_model_has_said_all_there_is_nothing_to_go_on_with() -> None:
    async with FakeEditor(options=ON) as editor:
        typist = Typist(editor, "x = ", behind="\n")
        editor.link.answer_with("foo")
        assert await typist.shown() == "foo"
        typist.type("foo")
        assert await typist.shown() == ""
        assert len(editor.link.requests) == 1


async def test_nothing_shown_is_nothing_to_go_on_from() -> None:
    async with FakeEditor(options=ON) as editor:
        typist = Typist(editor, "x = ", behind="\n")
        editor.link.answer_with("")
        assert await typist.shown() == ""
        assert await typist.shown() == ""
        assert len(editor.link.requests) == 1
