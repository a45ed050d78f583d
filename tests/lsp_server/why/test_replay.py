"""A request in a file, and run again."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lsp_server.why.replay import ReplayError, dumps, loads
from tests.lsp_server.fake_editor import FakeEditor

pytestmark = pytest.mark.asyncio


async def saved(
    text: str, line: int, character: int, *said: str, language: str = "python", **script: Any
) -> str:
    async with FakeEditor() as editor:
        editor.link.script = lambda generation: generation.say(*said, probability=0.9).end(**script)
        uri = editor.open(text, language=language)
        await editor.inline(uri, line, character)
        [request] = (await editor.result("midfill/explain", {}))["requests"]
        return str((await editor.result("midfill/explain", {"replay": request["number"]}))["replay"])


CASES: list[tuple[tuple[Any, ...], dict[str, Any]]] = [
    (("def f(a):\n    return ", 1, 11, "a", " + 1"), {}),
    (("def f(a):\n    return ", 1, 11, "nowhere_defined"), {"alternatives": ["a"]}),
    (("def f(a):\n    return ", 1, 11, "nowhere_defined"), {}),
    (("def f(a):\n    ", 1, 4, "b = a\n    ", "return b\n\n\ndef g():\n"), {}),
    (("foobar", 0, 3, "x"), {}),
    (("x = ", 0, 4), {}),
    (("A note ", 0, 7, "of a few words"), {"language": "plaintext", "stop_reason": "length"}),
]


@pytest.mark.parametrize(("arguments", "options"), CASES)
async def test_a_replay_comes_to_what_it_came_to(arguments: tuple[Any, ...], options: dict[str, Any]) -> None:
    replay = loads(await saved(*arguments, **options))
    assert await replay.run() == replay.result
    assert replay.result.text or replay.result.silence
    assert dumps(loads(dumps(replay))) == dumps(replay)


async def test_other_code_comes_to_something_else(monkeypatch: pytest.MonkeyPatch) -> None:
    text = await saved("def f(a):\n    return ", 1, 11, "a + 1")
    value = json.loads(text)
    value["worker"]["chunks"][0][0] = "a - 1"
    replay = loads(json.dumps(value))
    assert (await replay.run()).text == "a - 1" != replay.result.text


async def test_a_replay_holds_no_secret() -> None:
    token = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
    text = await saved(f"key = '{token}'\nx = ", 1, 4, "1")
    assert token[8:20] not in text
    assert loads(text).asked.offset == len(f"key = '{token}'\nx = ")


@pytest.mark.parametrize(
    "change",
    [
        lambda value: "nonsense",
        lambda value: json.dumps([]),
        lambda value: json.dumps({}),
        lambda value: json.dumps({**value, "version": 2}),
        lambda value: json.dumps({**value, "offset": 10**9}),
        lambda value: json.dumps({**value, "offset": -1}),
        lambda value: json.dumps({**value, "worker": None}),
        lambda value: json.dumps({**value, "settings": {**value["settings"], "max_tokens": "many"}}),
        lambda value: json.dumps({**value, "moment": {"other": 1}}),
        lambda value: "[" * 100_000,
    ],
)
async def test_what_is_no_replay_is_refused(change: Any) -> None:
    text = change(json.loads(await saved("x = ", 0, 4, "1")))
    with pytest.raises(ReplayError):
        loads(text)
