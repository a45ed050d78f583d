"""Policies, ignore files and trust as an editor meets them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lsp_server.policy import policies
from lsp_server.policy.policy_file import NAME
from tests.lsp_server.fake_editor import FakeEditor

pytestmark = pytest.mark.asyncio
WARNING = "midfill/policyWarning"
SHOWN = "window/showMessage"
TOKEN = "AKIA" + "IOSFODNN7ABCDEFG"


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setattr(policies, "SYSTEM", tmp_path / "etc")
    (tmp_path / "project").mkdir()
    return tmp_path / "project"


def editor_in(root: Path, **options: Any) -> FakeEditor:
    return FakeEditor(options=options, root=root.as_uri())


async def test_a_policy_is_heard_when_it_comes_and_when_it_goes(root: Path) -> None:
    async with editor_in(root, reuse=False) as editor:
        editor.link.answer_with("1")
        uri = editor.open("x = ", (root / "a.py").as_uri())
        assert await editor.inline(uri, 0, 4)
        (root / NAME).write_text("[forbid]\nlanguages = ['python']\n")
        assert await editor.inline(uri, 0, 4) == []
        (root / NAME).unlink()
        assert await editor.inline(uri, 0, 4)
        (root / ".midfillignore").write_text("*.py\n")
        assert await editor.inline(uri, 0, 4) == []
        assert len(editor.link.requests) == 2
        assert editor.heard(SHOWN) == []


async def test_what_was_answered_before_a_policy_is_forgotten(root: Path) -> None:
    async with editor_in(root) as editor:
        editor.link.answer_with("verify=False)")
        uri = editor.open("requests.get(url, ", (root / "a.txt").as_uri(), language="plaintext")
        assert await editor.inline(uri, 0, 18)
        (root / NAME).write_text("[built-in]\ntls-off = 'hide'\n")
        assert await editor.inline(uri, 0, 18) == []


async def test_the_policies_of_all_folders_apply(root: Path, tmp_path: Path) -> None:
    (tmp_path / "second").mkdir()
    (tmp_path / "second" / NAME).write_text("[forbid]\npaths = ['a.py']\n")
    folders = [{"uri": each.as_uri(), "name": "x"} for each in (root, tmp_path / "second")]
    async with FakeEditor(initialize=False) as editor:
        await editor.result(
            "initialize",
            {"processId": None, "capabilities": {}, "workspaceFolders": folders, "rootUri": None},
        )
        editor.notify("initialized", {})
        editor.link.answer_with("1")
        uris = [(folder / "a.py").as_uri() for folder in (root, tmp_path / "second")]
        assert [bool(await editor.inline(editor.open("x = ", uri), 0, 4)) for uri in uris] == [True, False]


async def test_a_policy_with_errors_is_told_of_once_and_forbids(root: Path) -> None:
    (root / NAME).write_text("version = 1\n\n[forbid]\nlanguage = ['sql']\n")
    async with editor_in(root) as editor:
        editor.link.answer_with("1")
        uri = editor.open("x = ", (root / "a.py").as_uri())
        assert await editor.inline(uri, 0, 4) == []
        [shown] = editor.heard(SHOWN)
        assert shown["type"] == 1
        assert (
            f"{NAME}, line 4: forbid.language: there is no such field; did you mean languages?"
            in shown["message"]
        )
        (root / NAME).write_text("version = 1\n[forbid]\nlanguages = ['sql']\n")
        assert len(await editor.inline(uri, 0, 4)) == 1


async def test_a_secret_is_sent_as_a_stand_in_and_not_shown(root: Path) -> None:
    async with editor_in(root) as editor:
        editor.link.answer_with(f"'{TOKEN}'")
        uri = editor.open(f"key = '{TOKEN}'\nother = ", (root / "a.py").as_uri())
        assert await editor.inline(uri, 1, 8) == []
        [request] = editor.link.requests
        assert request.prefix == f"key = '{'x' * 20}'\nother = "


async def test_what_a_policy_hides_is_not_shown_also_while_it_grows(root: Path) -> None:
    (root / NAME).write_text("[built-in]\ncurl-pipe-sh = 'hide'\n")
    async with editor_in(root, streaming=True) as editor:
        uri = editor.open("Run ", (root / "a.txt").as_uri(), language="plaintext")
        msg_id = editor.request("textDocument/inlineCompletion", editor.at(uri, 0, 4))
        generation = await editor.link.next_generation()
        generation.say("curl ", "https://a.example/x ", "| ", "sh").end()
        result = (await editor.reply(msg_id))["result"]
        seen = [each["text"] for each in editor.heard("midfill/inlineCompletionPartial")]
        assert not any("| sh" in text for text in [*seen, *(item["insertText"] for item in result["items"])])


async def test_a_long_word_is_seen_when_it_is_whole_and_no_secret() -> None:
    async with FakeEditor(options={"streaming": True}) as editor:
        uri = editor.open("My key is ", language="plaintext")
        msg_id = editor.request("textDocument/inlineCompletion", editor.at(uri, 0, 10))
        generation = await editor.link.next_generation()
        for at in range(0, len(TOKEN), 4):
            generation.say(TOKEN[at : at + 4])
        generation.say(" of course").end()
        assert not any(TOKEN[:12] in str(item) for item in (await editor.reply(msg_id))["result"]["items"])
        assert not any(TOKEN[:12] in each["text"] for each in editor.heard("midfill/inlineCompletionPartial"))


async def test_a_warning_comes_with_what_is_shown(root: Path) -> None:
    async with editor_in(root) as editor:
        editor.link.answer_with("verify=False)")
        uri = editor.open("import requests\nrequests.get('u', ", (root / "a.py").as_uri())
        [item] = await editor.inline(uri, 1, 18)
        [warning] = await editor.hear(WARNING)
        assert warning["id"] == "tls-off"
        assert "certificate" in warning["message"]
        assert warning["textDocument"] == {"uri": uri, "version": 1}
        assert warning["range"] == item["range"]
        await editor.inline(uri, 1, 18)
        logged = [each for each in editor.heard("window/logMessage") if "tls-off" in each["message"]]
        assert len(logged) == 1


async def test_an_entry_of_the_popup_names_its_warning(root: Path) -> None:
    async with editor_in(root) as editor:
        editor.link.answer_with("verify=False)")
        uri = editor.open("import requests\nrequests.get('u', ", (root / "a.py").as_uri())
        result = await editor.result("textDocument/completion", editor.at(uri, 1, 18))
        assert "certificate" in result["items"][0]["detail"]


async def configured(editor: FakeEditor, section: dict[str, Any]) -> None:
    editor.notify("workspace/didChangeConfiguration", {"settings": {"midfill": section}})
    await editor.error("textDocument/unknown", {})  # the change has been applied when this is answered


@pytest.mark.parametrize("trusted", [True, False])
async def test_an_untrusted_workspace_names_no_model(root: Path, trusted: bool) -> None:
    async with editor_in(root, model="/models/mine", trusted=trusted) as editor:
        await configured(editor, {"model": "/project/evil", "maxTokens": 9})
        assert editor.link.settings.model == ("/project/evil" if trusted else "/models/mine")
        shown = [each["message"] for each in editor.heard(SHOWN)]
        assert shown == (
            [] if trusted else ["midfill.model is not heard here: the workspace is not trusted."]
        )
        uri = editor.open("x = ")
        editor.link.answer_with("1")
        await editor.inline(uri, 0, 4)
        assert editor.link.requests[-1].max_tokens == 9


async def test_the_users_own_model_is_no_news(root: Path) -> None:
    async with editor_in(root, model="/models/mine", trusted=False) as editor:
        await configured(editor, {"model": "/models/mine", "privateWorker": None})
        assert editor.heard(SHOWN) == []


@pytest.mark.parametrize("where", ["project/model.gguf", "link/model.gguf", "project/../project/m"])
async def test_a_model_inside_an_untrusted_workspace_is_not_used(
    root: Path, tmp_path: Path, where: str
) -> None:
    (tmp_path / "link").symlink_to(root)
    async with editor_in(root, model=str(tmp_path / where), trusted=False) as editor:
        assert editor.link.settings.model == ""
        assert "not trusted" in editor.heard(SHOWN)[0]["message"]


async def test_a_code_action_writes_no_secret(root: Path) -> None:
    async with editor_in(root) as editor:
        editor.link.answer_with(f"    return '{TOKEN}'\n")
        uri = editor.open("def key():\n    pass\n", (root / "a.py").as_uri())
        place = {"start": {"line": 0, "character": 5}, "end": {"line": 0, "character": 5}}
        params = {"textDocument": {"uri": uri}, "range": place, "context": {"diagnostics": []}}
        actions = await editor.result("textDocument/codeAction", params)
        body = next(each for each in actions if each["data"]["action"] == "complete-body")
        error = await editor.error("codeAction/resolve", body)
        assert "secret" in error["message"]
