"""When the model is asked, what of its text is sure enough, and what is answered when it is late."""

import asyncio
from typing import Any

import pytest

from inference.messages import Odds
from lsp_server.completion import ladder, prime
from lsp_server.completion.rhythm import Rhythm
from tests.lsp_server.fake_editor import FakeEditor
from tests.lsp_server.fake_link import FakeGeneration
from tests.lsp_server.typist import METHOD, Typist

pytestmark = pytest.mark.asyncio

PARTIAL = "midfill/inlineCompletionPartial"
INVOKED = {"triggerKind": 1}
LONG = "result.append(convert(value"


async def inserted(editor: FakeEditor, params: dict[str, Any]) -> str:
    items = (await editor.result(METHOD, params))["items"]
    return str(items[0]["insertText"]) if items else ""


async def test_behind_a_deletion_the_model_is_not_asked_but_what_is_known_is_shown() -> None:
    async with FakeEditor() as editor:
        typist = Typist(editor, "x = ", behind="\n")
        editor.link.answer_with("foo(a)\n")
        assert await typist.shown() == "foo(a)"
        typist.type("fo")
        typist.erase(1)
        assert await typist.shown() == "oo(a)"
        typist.erase(3)
        assert await typist.shown() == ""
        assert len(editor.link.requests) == 1
        params = editor.at(typist.uri, *typist.place)
        assert await inserted(editor, {**params, "context": INVOKED}) == "foo(a)"
        typist.erase(1)
        typist.type("=")
        assert await typist.shown() == "foo(a)"
        assert len(editor.link.requests) == 3


async def test_who_moves_the_cursor_behind_a_deletion_is_answered() -> None:
    async with FakeEditor() as editor:
        uri = editor.open("x = fo\ny = \n", uri="file:///project/a.rb", language="ruby")
        editor.link.answer_with("1\n")
        editor.change(uri, 2, "", (0, 4, 0, 6))
        assert await editor.inline(uri, 0, 4) == []
        assert len(await editor.inline(uri, 1, 4)) == 1
        assert len(await editor.inline(uri, 0, 4)) == 1


@pytest.mark.parametrize(("chosen", "typed_in"), [("path", "pa"), ("PATH", "pa"), ("path", "")])
async def test_an_entry_of_the_popup_that_goes_on_with_the_word_is_completed(
    chosen: str, typed_in: str
) -> None:
    assert await with_popup(chosen, typed_in) == f"{chosen}()"


async def test_one_that_would_replace_the_word_is_not() -> None:
    assert await with_popup("ospath", "pa") == ""
    assert await with_popup("ospath", "pa", context=INVOKED) == "ospath()"
    assert await with_popup("ospath", "pa", stages=["popup"]) == "ospath()"


async def with_popup(
    chosen: str, typed_in: str, context: dict[str, Any] | None = None, stages: list[str] | None = None
) -> str:
    async with FakeEditor(options={"stages": [*(stages or []), "prime", "delay", "deadline"]}) as editor:
        uri = editor.open(f"os.{typed_in}\n")
        end = 3 + len(typed_in)
        params = editor.at(uri, 0, end)
        word = {"start": {"line": 0, "character": 3}, "end": {"line": 0, "character": end}}
        params["context"] = {
            **(context or params["context"]),
            "selectedCompletionInfo": {"range": word, "text": chosen},
        }
        editor.link.answer_with("()\n")
        return await inserted(editor, params)


async def test_a_line_that_is_not_likely_enough_is_not_shown_unless_asked_for() -> None:
    async with FakeEditor() as editor:
        typist = Typist(editor, "x = ", behind="\n")
        editor.link.script = lambda generation: generation.say("foo(a)\n", probability=0.04).end()
        assert await typist.shown() == ""
        params = editor.at(typist.uri, *typist.place)
        assert await inserted(editor, {**params, "context": INVOKED}) == "foo(a)"
        # Once its beginning is typed, what is left is likelier: nobody has to ask again.
        typist.type("foo")
        assert await typist.shown() == "(a)"
        assert len(editor.link.requests) == 1


@pytest.mark.parametrize(
    ("options", "shown"),
    [
        ({}, "foo(a)"),
        ({"eagerness": "eager"}, "foo(a)"),
        ({"eagerness": "calm"}, ""),
        ({"eagerness": "calm", "stages": ["confidence", "prime", "delay", "deadline"]}, "foo(a)"),
    ],
)
async def test_from_calm_to_eager(options: dict[str, Any], shown: str) -> None:
    async with FakeEditor(options=options) as editor:
        typist = Typist(editor, "x = ", behind="\n")
        editor.link.script = lambda generation: generation.say("foo(a)\n", probability=0.2).end()
        assert await typist.shown() == shown


async def test_a_probability_is_worth_what_the_model_was_found_to_be_right() -> None:
    async with FakeEditor() as editor:
        typist = Typist(editor, "x = ", behind="\n")
        editor.link.calibration = (Odds(0.0, 0.0), Odds(0.5, 0.04), Odds(1.0, 1.0))
        editor.link.script = lambda generation: generation.say("foo(a)\n", probability=0.5).end()
        assert await typist.shown() == ""


async def test_a_block_ends_before_the_first_line_that_is_not_likely_enough() -> None:
    async with FakeEditor(options={"streaming": True}) as editor:
        uri = editor.open("def f(a):\n    \n")
        msg_id = editor.request(METHOD, editor.at(uri, 1, 4))
        generation = await editor.link.next_generation()
        generation.say("b = a\n")
        generation.say("    c = b\n", probability=0.5)
        generation.say("    b = c\n", probability=0.01)
        [item] = (await editor.reply(msg_id))["result"]["items"]
        assert item["insertText"] == "b = a\n    c = b"
        assert generation.cancelled.is_set()
        assert "b = c" not in "".join(partial["text"] for partial in editor.heard(PARTIAL))


async def test_a_candidate_that_is_not_likely_enough_does_not_stand_in() -> None:
    async with FakeEditor(options={"eagerness": "calm"}) as editor:
        uri = editor.open("def f(students):\n    return len(")
        msg_id = editor.request(METHOD, editor.at(uri, 1, 15))
        generation = await editor.link.next_generation()
        generation.say("tests)").end(alternatives=["students)"])  # exp(-1.0) is 0.37
        [item] = (await editor.reply(msg_id))["result"]["items"]
        assert item["insertText"] == "students)"
        editor.link.calibration = (Odds(0.0, 0.0), Odds(0.4, 0.1), Odds(1.0, 1.0))
        editor.change(uri, 2, "def g(students):\n    return len(")
        msg_id = editor.request(METHOD, editor.at(uri, 1, 15))
        generation = await editor.link.next_generation()
        generation.say("tests)").end(alternatives=["students)"])
        assert (await editor.reply(msg_id))["result"]["items"] == []


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ladder, "PATIENCE_S", 0.2)
    monkeypatch.setattr(ladder, "INVOKED_S", 3600.0)


LATE = {"stages": ["prime", "delay"]}


def begin_with(editor: FakeEditor, text: str) -> list[FakeGeneration]:
    """From now on every generation says this at once, and does not end."""
    begun: list[FakeGeneration] = []
    editor.link.script = lambda generation: begun.append(generation.say(text))
    return begun


@pytest.mark.usefixtures("impatient")
async def test_at_the_deadline_the_statement_so_far_is_answered_and_the_model_goes_on() -> None:
    async with FakeEditor(options=LATE) as editor:
        typist = Typist(editor, "x = ", behind="\n")
        generations = begin_with(editor, "foo(a) + ba")
        assert await typist.shown() == "foo(a) +"
        assert not generations[0].cancelled.is_set()
        typist.type("foo(a) + ")
        msg_id = typist.request()
        generations[0].say("r\n").end()
        assert await typist.reply(msg_id) == "bar"
        assert len(generations) == 1


@pytest.mark.usefixtures("impatient")
async def test_where_there_is_nothing_yet_the_first_line_is_waited_for() -> None:
    async with FakeEditor(options=LATE) as editor:
        uri = editor.open("def f(a):\n    \n")
        msg_id = editor.request(METHOD, editor.at(uri, 1, 4))
        generation = await editor.link.next_generation()
        await asyncio.sleep(2 * ladder.PATIENCE_S)
        generation.say("b = a\n", "    c =")
        [item] = (await editor.reply(msg_id))["result"]["items"]
        assert item["insertText"] == "b = a"


@pytest.mark.usefixtures("impatient")
async def test_a_copy_comes_before_what_is_begun_and_an_earlier_answer_before_a_copy() -> None:
    async with FakeEditor(options=LATE) as editor:
        typist = Typist(editor, f"{LONG}, unit))\nfoo(bar)\n{LONG}", behind="\n")
        generations = begin_with(editor, ", of")
        assert await typist.shown() == ", unit))"
        typist.type(", o")
        other = editor.open("y = ", uri="file:///project/b.rb", language="ruby")
        editor.link.script = generations.append
        second = editor.request(METHOD, editor.at(other, 0, 4))
        await asyncio.wait_for(generations[0].cancelled.wait(), 10)
        assert await typist.shown() == "f"
        assert len(generations) == 3
        generations[1].end()
        assert (await editor.reply(second))["result"]["items"] == []


@pytest.mark.usefixtures("impatient")
async def test_who_invokes_waits_for_longer() -> None:
    async with FakeEditor(options=LATE) as editor:
        uri = editor.open("x = \n", uri="file:///project/a.rb", language="ruby")
        begun = begin_with(editor, "foo + ")
        msg_id = editor.request(METHOD, {**editor.at(uri, 0, 4), "context": INVOKED})
        await asyncio.sleep(2 * ladder.PATIENCE_S)
        begun[0].say("bar\n")
        [item] = (await editor.reply(msg_id))["result"]["items"]
        assert item["insertText"] == "foo + bar"


@pytest.mark.parametrize(("stages", "shown"), [([], ", unit))"), (["copy"], "")])
async def test_without_a_worker_copies_are_shown(stages: list[str], shown: str) -> None:
    async with FakeEditor(options={"stages": [*stages, "prime", "delay", "deadline"]}) as editor:
        editor.open(f"{LONG}, unit))\n", uri="file:///project/b.rb", language="ruby")
        editor.open(f"{LONG}, secret))\n", uri="file:///project/.env", language="ruby")
        typist = Typist(editor, LONG, behind="\n")
        editor.link.script = lambda generation: generation.fail("the worker is gone")
        assert await typist.shown() == shown


async def test_a_slow_model_is_asked_when_the_user_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    delays: list[float] = []
    monkeypatch.setattr(Rhythm, "delay_s", lambda self, stretch: delays.append(stretch) or 0.05)
    async with FakeEditor(options={"stages": ["prime", "deadline"], "eagerness": "calm"}) as editor:
        typist = Typist(editor, "x = ", behind="\n")
        editor.link.answer_with("1\n")
        typist.type("a")
        first = typist.request()
        typist.type("b")
        assert await typist.reply(first) == ""
        assert await typist.shown() == "1"
        assert [request.prefix for request in editor.link.requests] == ["x = ab"]
        assert set(delays) == {1.5}


@pytest.fixture
def primed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prime, "PAUSE_S", 0.0)


PRIMES = {"stages": ["delay", "deadline"]}


@pytest.mark.usefixtures("primed")
async def test_an_opened_document_is_read_ahead_of_time_and_any_request_comes_first() -> None:
    async with FakeEditor(options=PRIMES) as editor:
        uri = editor.open("x = \n")
        priming = await editor.link.next_generation()
        assert (priming.request.max_tokens, priming.request.prefix) == (0, "")
        msg_id = editor.request(METHOD, editor.at(uri, 0, 4))
        generation = await editor.link.next_generation()
        assert priming.cancelled.is_set()
        assert priming.request.document != generation.request.document
        generation.say("1\n")
        assert len((await editor.reply(msg_id))["result"]["items"]) == 1


@pytest.mark.usefixtures("primed")
async def test_a_place_where_nothing_is_asked_is_read_ahead_of_time() -> None:
    async with FakeEditor(options=PRIMES) as editor:
        uri = editor.open("alpha = beta\n")
        await editor.link.next_generation()
        assert await editor.inline(uri, 0, 10) == []
        priming = await editor.link.next_generation()
        assert (priming.request.max_tokens, priming.request.prefix) == (0, "alpha = be")
        editor.notify("textDocument/didClose", {"textDocument": {"uri": uri}})
        editor.open("alpha = beta\n")  # where it was left
        priming = await editor.link.next_generation()
        assert (priming.request.max_tokens, priming.request.prefix) == (0, "alpha = be")


@pytest.mark.usefixtures("primed")
async def test_nothing_is_read_ahead_while_the_model_is_at_work_or_of_what_may_not_be() -> None:
    async with FakeEditor(options={**PRIMES, "disabledLanguages": ["markdown"]}) as editor:
        uri = editor.open("x = \n")
        await editor.link.next_generation()
        msg_id = editor.request(METHOD, editor.at(uri, 0, 4))
        generation = await editor.link.next_generation()
        editor.open("y = \n", uri="file:///project/b.py")
        editor.open("# y\n", uri="file:///project/b.md", language="markdown")
        await editor.error("textDocument/hover", {})  # by now it would have been asked for
        generation.say("1\n")
        await editor.reply(msg_id)
        editor.open("z = \n", uri="file:///project/c.md", language="markdown")
        await editor.error("textDocument/hover", {})
        assert len(editor.link.requests) == 2
