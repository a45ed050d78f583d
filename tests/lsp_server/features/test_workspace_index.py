"""The index as an editor meets it: a setting, watched files, progress, and definitions in the prompt."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from inference.messages import Snippet
from lsp_server.completion import nearby
from lsp_server.index import indexer
from tests.lsp_server.fake_editor import FakeEditor
from tests.lsp_server.fake_link import FakeLink

DEADLINE_S = 60.0
CAPABILITIES = {
    "window": {"workDoneProgress": True},
    "workspace": {"didChangeWatchedFiles": {"dynamicRegistration": True}},
}
HERE = "from shapes import area\n\nvolume = area(1, 2)\n"
AREA = Snippet("shapes.py", "def area(a, b):\n    return a * b\n")


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "none"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(indexer, "_DEBOUNCE_S", 0.01)
    monkeypatch.setattr(indexer, "_PAUSE_S", 0.0)
    # The machine that tests run on may be busy: not what a deadline is about.
    monkeypatch.setattr(nearby, "DEADLINE_S", DEADLINE_S)
    monkeypatch.setattr(FakeLink, "snippet_tokens", 1000)
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "shapes.py").write_text(AREA.text)
    return folder


def editor_in(root: Path, **options: Any) -> FakeEditor:
    chosen = {"workspaceIndex": True, "reuse": False, **options}
    return FakeEditor(capabilities=CAPABILITIES, options=chosen, root=root.as_uri())


@pytest_asyncio.fixture
async def editor(root: Path) -> AsyncIterator[FakeEditor]:
    async with editor_in(root) as editor:
        yield editor


async def snippets(editor: FakeEditor, uri: str) -> tuple[Snippet, ...]:
    """What the worker is shown of other files for a completion in the last line of HERE."""
    editor.link.answer_with("x")
    asked = len(editor.link.requests)
    await editor.inline(uri, 3, 0)
    assert len(editor.link.requests) == asked + 1
    return editor.link.requests[-1].snippets


async def until(editor: FakeEditor, root: Path, expected: tuple[Snippet, ...]) -> None:
    """Ask anew, in documents of different names, until the index has what is expected."""
    async with asyncio.timeout(DEADLINE_S):
        number = 0
        while True:
            number += 1
            uri = editor.open(HERE, (root / f"here{number}.py").as_uri())
            if await snippets(editor, uri) == expected:
                return
            await asyncio.sleep(0.05)


@pytest.mark.asyncio
async def test_definitions_of_other_files_reach_the_prompt(editor: FakeEditor, root: Path) -> None:
    await until(editor, root, (AREA,))


@pytest.mark.asyncio
async def test_by_default_nothing_is_read(root: Path, tmp_path: Path) -> None:
    async with FakeEditor(capabilities=CAPABILITIES, root=root.as_uri()) as editor:
        assert await snippets(editor, editor.open(HERE, (root / "here.py").as_uri())) == ()
        assert not any(each["method"] == "client/registerCapability" for each in editor.requests)
    assert not (tmp_path / "cache").exists()


@pytest.mark.asyncio
async def test_what_is_open_is_read_from_the_editor(editor: FakeEditor, root: Path) -> None:
    await until(editor, root, (AREA,))
    editor.open("def area(a, b, c):\n    ...\n", (root / "shapes.py").as_uri())
    uri = editor.open(HERE, (root / "here.py").as_uri())
    assert await snippets(editor, uri) == (Snippet("shapes.py", "def area(a, b, c):\n    ...\n"),)


@pytest.mark.asyncio
async def test_a_workspace_that_is_not_trusted_is_not_read(root: Path, tmp_path: Path) -> None:
    async with editor_in(root, trusted=False) as editor:
        assert await snippets(editor, editor.open(HERE, (root / "here.py").as_uri())) == ()
        assert editor.heard("window/showMessage") == []
    assert not (tmp_path / "cache").exists()


@pytest.mark.asyncio
async def test_a_home_directory_is_no_project(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("HOME", str(root))
    async with editor_in(root) as editor:
        assert await snippets(editor, editor.open(HERE, (root / "here.py").as_uri())) == ()
        assert "is not indexed: it is no project" in caplog.text
    assert not (tmp_path / "cache").exists()


@pytest.mark.asyncio
async def test_what_is_saved_and_what_is_watched_is_looked_at_again(editor: FakeEditor, root: Path) -> None:
    await until(editor, root, (AREA,))
    changed = Snippet("shapes.py", "def area(a, b, unit):\n    return a * b\n")
    (root / "shapes.py").write_text(changed.text)
    editor.notify("textDocument/didSave", {"textDocument": {"uri": (root / "shapes.py").as_uri()}})
    await until(editor, root, (changed,))
    (root / "shapes.py").unlink()
    event = {"uri": (root / "shapes.py").as_uri(), "type": 3}
    editor.notify("workspace/didChangeWatchedFiles", {"changes": [event]})
    await until(editor, root, ())


@pytest.mark.asyncio
async def test_a_file_that_is_ignored_from_now_on_is_not_shown_from_now_on(
    editor: FakeEditor, root: Path
) -> None:
    await until(editor, root, (AREA,))
    uri = editor.open(HERE, (root / "kept.py").as_uri())
    assert await snippets(editor, uri) == (AREA,)
    (root / ".midfillignore").write_text("shapes.py\n")
    editor.notify(
        "workspace/didChangeWatchedFiles",
        {"changes": [{"uri": (root / ".midfillignore").as_uri(), "type": 1}]},
    )
    # At once, though the worker has not gone by it yet; and for good.
    assert await snippets(editor, uri) == ()
    await until(editor, root, ())
    assert await snippets(editor, uri) == ()


@pytest.mark.asyncio
async def test_the_client_is_asked_to_watch_sources_and_ignore_files(editor: FakeEditor, root: Path) -> None:
    def registered(editor: FakeEditor) -> Any:
        return [each for each in editor.requests if each["method"] == "client/registerCapability"]

    (request,) = await editor.wait_for(registered)
    (registration,) = request["params"]["registrations"]
    assert registration["method"] == "workspace/didChangeWatchedFiles"
    globs = [each["globPattern"] for each in registration["registerOptions"]["watchers"]]
    assert "**/.midfillignore" in globs
    assert any("py" in glob.strip("*/.{}").split(",") for glob in globs)
    assert editor.initialize_result["capabilities"]["textDocumentSync"]["save"]


@pytest.mark.asyncio
async def test_a_long_build_shows_a_bar_that_stops_it(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(indexer, "_WORTH_A_BAR", 1)
    for number in range(3000):
        (root / f"f{number}.py").write_text(f"def f{number}(): ...\n" * 20)
    async with editor_in(root) as editor:

        def values(kind: str) -> list[dict[str, Any]]:
            heard = editor.heard("$/progress")
            return [each["value"] for each in heard if each["value"]["kind"] == kind]

        async with asyncio.timeout(DEADLINE_S):
            while not values("report"):
                await asyncio.sleep(0.01)
            assert values("begin")[0]["title"] == indexer.TITLE
            assert "of 3,001 files" in values("report")[0]["message"]
            token = editor.heard("$/progress")[0]["token"]
            editor.notify("window/workDoneProgress/cancel", {"token": token})
            while not values("end"):
                await asyncio.sleep(0.01)


@pytest.mark.asyncio
async def test_the_setting_may_come_and_go(root: Path) -> None:
    async with editor_in(root, workspaceIndex=False) as editor:
        uri = editor.open(HERE, (root / "a.py").as_uri())
        assert await snippets(editor, uri) == ()
        editor.notify("workspace/didChangeConfiguration", {"settings": {"midfill": {"workspaceIndex": True}}})
        await until(editor, root, (AREA,))
        editor.notify(
            "workspace/didChangeConfiguration", {"settings": {"midfill": {"workspaceIndex": False}}}
        )
        assert await snippets(editor, uri) == ()


@pytest.mark.asyncio
async def test_the_snippets_stay_while_the_cursor_is_near(editor: FakeEditor, root: Path) -> None:
    await until(editor, root, (AREA,))
    (root / "other.py").write_text("class Other:\n    pass\n")
    editor.notify("textDocument/didSave", {"textDocument": {"uri": (root / "other.py").as_uri()}})
    uri = editor.open(HERE, (root / "steady.py").as_uri())
    assert await snippets(editor, uri) == (AREA,)
    editor.change(uri, 2, "thing = Other()\n\n", (3, 0, 3, 0))
    await editor.inline(uri, 4, 0)
    assert editor.link.requests[-1].snippets == (AREA,)
    editor.change(uri, 3, "\n" * 12 + "Other()\n", (5, 0, 5, 0))
    await editor.inline(uri, 18, 0)
    assert [each.path for each in editor.link.requests[-1].snippets] == ["shapes.py", "other.py"]


@pytest.mark.asyncio
async def test_what_comes_too_late_is_in_the_next_prompt(
    editor: FakeEditor, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await until(editor, root, (AREA,))
    monkeypatch.setattr(nearby, "DEADLINE_S", 0.0)
    uri = editor.open(HERE, (root / "late.py").as_uri())
    first = await snippets(editor, uri)
    assert first in ((), (AREA,))
    async with asyncio.timeout(DEADLINE_S):
        while await snippets(editor, uri) != (AREA,):
            await asyncio.sleep(0.01)


@pytest.mark.asyncio
async def test_a_worker_that_dies_is_started_again_but_not_for_ever(
    root: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    monkeypatch.setattr(indexer, "PROGRAM", ("/bin/false",))
    monkeypatch.setattr(indexer.Backoff, "after_failure", lambda *_: None)
    async with editor_in(root) as editor:
        async with asyncio.timeout(DEADLINE_S):
            while "its worker ended with 1" not in caplog.text:
                await asyncio.sleep(0.01)
        assert await snippets(editor, editor.open(HERE, (root / "here.py").as_uri())) == ()
