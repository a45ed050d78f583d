"""`midfill/explain`: each stage, what was used, what objected, and why there was nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lsp_server.policy import policies
from lsp_server.why.ring import NUM_TRACES, NUM_WITH_TEXT
from tests.lsp_server.fake_editor import FakeEditor

pytestmark = pytest.mark.asyncio
METHOD = "midfill/explain"


@pytest.fixture(autouse=True)
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setattr(policies, "SYSTEM", tmp_path)


async def last(editor: FakeEditor, **asked: Any) -> dict[str, Any]:
    [request] = (await editor.result(METHOD, asked))["requests"]
    return dict(request)


async def test_a_completion_is_explained_without_its_words() -> None:
    async with FakeEditor() as editor:
        editor.link.answer_with("secretive_name = 12")
        uri = editor.open("def a_private_thing():\n    ", "file:///home/me/hidden/a.py")
        [item] = await editor.inline(uri, 1, 4)
        request = await last(editor)
        assert request["file"] == "a.py"
        assert request["source"] == "model"
        assert request["shown"] == {"characters": len(item["insertText"]), "lines": 1}
        assert request["silence"] is None and request["error"] is None
        assert (request["candidates"], request["objections"]) == (1, [])
        assert [stage["stage"] for stage in request["stages"]] == [
            "policy", "trigger", "delay", "context", "prompt", "first text", "model", "gates", "end",
        ]  # fmt: skip
        assert all(stage["ms"] >= 0 for stage in request["stages"])
        assert request["worker"]["stopReason"] in ("eot", "aborted")
        for word in ("secretive", "private", "hidden", "/home"):
            assert word not in json.dumps(request)


async def test_with_its_words_when_asked_for() -> None:
    async with FakeEditor() as editor:
        editor.link.answer_with("12")
        uri = editor.open("x = ")
        await editor.inline(uri, 0, 4)
        request = await last(editor, text=True)
        assert (request["uri"], request["generated"], request["shown"]["text"]) == (uri, "12", "12")


async def test_an_objection_names_its_gate() -> None:
    async with FakeEditor() as editor:
        editor.link.script = lambda generation: generation.say("nowhere_defined").end(
            alternatives=["other_one"]
        )
        uri = editor.open("def f(a):\n    return ")
        assert await editor.inline(uri, 1, 11) == []
        request = await last(editor)
        assert [each["gate"] for each in request["objections"]] == ["name", "name"]
        assert request["candidates"] == 2
        assert request["silence"] == "stopped by name, name"
        assert "nowhere" not in json.dumps(request)


async def silence(editor: FakeEditor, text: str, line: int, character: int, said: str = "1") -> str:
    editor.link.answer_with(said)
    uri = editor.open(text, f"file:///project/{line}-{character}-{len(text)}.py")
    assert await editor.inline(uri, line, character) == []
    return str((await last(editor))["silence"])


async def test_every_silence_has_a_reason() -> None:
    async with FakeEditor() as editor:
        assert "in a word" in await silence(editor, "foobar", 0, 3)
        assert "said nothing" in await silence(editor, "x = ", 0, 4, "")
    async with FakeEditor(options={"enabled": False}) as editor:
        assert "midfill.enabled" in await silence(editor, "x = ", 0, 4)


async def test_a_failure_of_the_worker_is_a_reason() -> None:
    async with FakeEditor() as editor:
        editor.link.script = lambda generation: generation.fail("it is broken")
        uri = editor.open("x = ")
        assert await editor.inline(uri, 0, 4) == []
        request = await last(editor)
        assert (request["silence"], request["error"]) == ("the worker: internal", "internal")


async def test_who_is_superseded_or_cancelled_is_told_so() -> None:
    async with FakeEditor() as editor:
        uri = editor.open("x = ")
        first = editor.request("textDocument/inlineCompletion", editor.at(uri, 0, 4))
        generation = await editor.link.next_generation()
        second = editor.request("textDocument/inlineCompletion", editor.at(uri, 0, 4))
        await editor.reply(first)
        generation.say("12").end()
        await editor.reply(second)
        requests = (await editor.result(METHOD, {"count": 2}))["requests"]
        assert "gone on" in requests[1]["silence"]
        editor.change(uri, 2, "yy = ")
        cancelled = editor.request("textDocument/inlineCompletion", editor.at(uri, 0, 5))
        await editor.link.next_generation()
        editor.notify("$/cancelRequest", {"id": cancelled})
        await editor.reply(cancelled)
        assert "cancelled" in (await last(editor))["silence"]


async def test_of_a_document_that_is_refused_nothing_is_kept(tmp_path: Path) -> None:
    (tmp_path / ".midfillignore").write_text("*.py\n")
    async with FakeEditor() as editor:
        uri = editor.open("canary = ", (tmp_path / "a.py").as_uri())
        assert await editor.inline(uri, 0, 9) == []
        request = await last(editor, text=True)
        assert ".midfillignore" in request["silence"]
        assert "canary" not in json.dumps(request)
        assert "not kept" in (await editor.result(METHOD, {"replay": request["number"]}))["error"]


async def test_the_ring_is_bounded() -> None:
    async with FakeEditor() as editor:
        editor.link.answer_with("12")
        uri = editor.open("x = ")
        for number in range(NUM_TRACES + 5):
            editor.change(uri, number + 2, f"x{number} = ")
            await editor.inline(uri, 0, 4 + len(str(number)))
        requests = (await editor.result(METHOD, {"count": NUM_TRACES, "text": True}))["requests"]
        assert len(requests) == NUM_TRACES
        assert [each["number"] for each in requests] == list(range(NUM_TRACES + 5, 5, -1))
        texts = [each["shown"].get("text") for each in requests]
        assert all(texts[:NUM_WITH_TEXT]) and not any(texts[NUM_WITH_TEXT:])
        assert all(each["shown"]["characters"] == 2 and each["worker"] for each in requests)


@pytest.mark.parametrize("asked", [{}, {"count": 0}, {"count": "x"}, {"count": 10**9}, {"text": 3}, None, []])
async def test_whatever_is_asked_there_is_one_answer(asked: Any) -> None:
    async with FakeEditor() as editor:
        reply = await editor.ask(METHOD, asked)
        assert "error" in reply or reply["result"] == {"requests": []}
