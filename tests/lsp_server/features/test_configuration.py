import asyncio
from dataclasses import replace

import pytest

from lsp_server.worker_link import LinkStatus
from tests.lsp_server.fake_editor import BASE, FakeEditor

pytestmark = pytest.mark.asyncio

PULLS = {"workspace": {"configuration": True}}
CHANGED = "workspace/didChangeConfiguration"


async def settled(editor: FakeEditor) -> None:
    await editor.hear("midfill/status")


async def asked_for(editor: FakeEditor, max_tokens: int) -> None:
    """Completes until the worker is asked for so many tokens: when a pull has arrived nobody is told."""
    uri = editor.open("x = ")
    editor.link.answer_with("1")
    async with asyncio.timeout(10):
        while not editor.link.requests or editor.link.requests[-1].max_tokens != max_tokens:
            await editor.inline(uri, 0, 4)


async def test_settings_are_pulled_before_the_worker_is_started() -> None:
    async with FakeEditor(PULLS, configuration={"model": "/models/a", "maxTokens": 9}) as editor:
        await settled(editor)
        assert [request["method"] for request in editor.requests] == ["workspace/configuration"]
        assert editor.requests[0]["params"] == {"items": [{"section": "midfill"}]}
        assert editor.link.settings == replace(BASE, model="/models/a", max_tokens=9)
        assert [link.started for link in editor.links] == [0, 1]


async def test_a_change_is_pulled_again() -> None:
    async with FakeEditor(PULLS, configuration={"maxTokens": 9}) as editor:
        await settled(editor)
        editor.configuration = {"maxTokens": 11}
        editor.notify(CHANGED, {"settings": None})
        await asked_for(editor, 11)
        assert len(editor.requests) == 2


async def test_a_setting_that_is_taken_back_has_its_first_value_again() -> None:
    options = {"maxTokens": 7}
    async with FakeEditor(PULLS, options, configuration={"maxTokens": 9}) as editor:
        await settled(editor)
        editor.configuration = {}
        editor.notify(CHANGED, {"settings": None})
        await asked_for(editor, 7)
        assert len(editor.requests) == 2


@pytest.mark.parametrize(
    "options",
    [
        {"maxTokens": 9, "streaming": True},
        {"midfill": {"maxTokens": 9}},
        {"midfill": {"maxTokens": 9}},
    ],
)
async def test_initialization_options_are_settings_too(options: object) -> None:
    async with FakeEditor(options=options) as editor:
        uri = editor.open("x = ")
        editor.link.answer_with("1")
        await editor.inline(uri, 0, 4)
        assert editor.link.requests[0].max_tokens == 9
        assert editor.heard("window/showMessage") == []


@pytest.mark.parametrize("options", [None, [], "x", 5])
async def test_options_that_are_no_object_mean_nothing(options: object) -> None:
    async with FakeEditor(options=options) as editor:
        assert editor.initialize_result["capabilities"]


async def test_a_client_that_cannot_be_asked_pushes() -> None:
    async with FakeEditor() as editor:
        editor.notify(CHANGED, {"settings": {"midfill": {"maxTokens": 9}, "other": {}}})
        uri = editor.open("x = ")
        editor.link.answer_with("1")
        await editor.inline(uri, 0, 4)
        assert editor.link.requests[0].max_tokens == 9
        assert editor.requests == []


async def test_a_bad_setting_is_shown_with_its_cure() -> None:
    async with FakeEditor() as editor:
        editor.notify(CHANGED, {"settings": {"midfill": {"maxTokens": "many", "disabledLanguages": ["go"]}}})
        [shown] = await editor.hear("window/showMessage")
        assert shown["message"] == "midfill.maxTokens is 'many': use a whole number from 1 to 512."
        uri = editor.open("x := ", language="go")
        assert await editor.inline(uri, 0, 5) == []
        assert editor.link.requests == []


async def test_a_problem_is_shown_once_and_again_when_it_comes_back() -> None:
    async with FakeEditor() as editor:
        for value in ("many", "many", 9, "many"):
            editor.notify(CHANGED, {"settings": {"midfill": {"maxTokens": value}}})
        await editor.error("midfill/none", {})
        assert len(editor.heard("window/showMessage")) == 2


async def test_a_client_that_never_answers_does_not_keep_the_worker_from_starting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("lsp_server.features.configuration._PATIENCE_S", 0.01)
    async with FakeEditor(PULLS) as editor:
        await settled(editor)
        assert [request["method"] for request in editor.requests] == ["workspace/configuration"]
        assert editor.link.started == 1


async def test_another_precision_is_another_worker() -> None:
    async with FakeEditor() as editor:
        await settled(editor)
        first = editor.link
        editor.notify(CHANGED, {"settings": {"midfill": {"precision": "int8"}}})
        await editor.wait_for(lambda editor: editor.link is not first and len(editor.notifications) == 2)
        assert (first.closed, editor.link.started, editor.link.settings.precision) == (1, 1, "int8")


async def test_another_model_is_another_worker() -> None:
    async with FakeEditor() as editor:
        await settled(editor)
        first = editor.link
        editor.notify(CHANGED, {"settings": {"midfill": {"model": "/models/b"}}})
        await editor.wait_for(lambda editor: editor.link is not first and len(editor.notifications) == 2)
        assert (first.closed, editor.link.started, editor.link.settings.model) == (1, 1, "/models/b")
        first.on_status(LinkStatus("error", "the last words of the first"))
        uri = editor.open("x = ")
        editor.link.answer_with("1")
        assert len(await editor.inline(uri, 0, 4)) == 1
        assert {status["state"] for status in editor.heard("midfill/status")} == {"ready"}


async def test_switched_off_nothing_runs_until_it_is_switched_on() -> None:
    async with FakeEditor(options={"enabled": False}) as editor:
        uri = editor.open("x = ")
        assert await editor.inline(uri, 0, 4) == []
        assert (editor.link.started, editor.link.requests) == (0, [])
        editor.notify(CHANGED, {"settings": {"midfill": {"enabled": True}}})
        await settled(editor)
        editor.link.answer_with("1")
        assert len(await editor.inline(uri, 0, 4)) == 1
