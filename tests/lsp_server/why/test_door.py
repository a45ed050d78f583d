"""The socket of a server, and `midfill why` at its other end."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import socket
import stat
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from lsp_server import cli
from lsp_server.commands import CommandError, why
from lsp_server.why import door as doors
from lsp_server.why.door import Door, ask, door_path
from tests.lsp_server.fake_editor import FakeEditor

pytestmark = pytest.mark.asyncio


@pytest.fixture(autouse=True)
def runtime(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="mf") as directory:
        monkeypatch.setenv("XDG_RUNTIME_DIR", directory)
        yield Path(directory)


@pytest_asyncio.fixture
async def door() -> AsyncIterator[Door]:
    door = Door(lambda question: {"heard": question})
    await door.open()
    yield door
    await door.close()


async def asked(question: Any) -> Any:
    return await asyncio.to_thread(ask, door_path(os.getpid()), question)


async def test_a_question_has_an_answer(door: Door) -> None:
    assert await asked({"count": 3}) == {"heard": {"count": 3}}
    mode = door_path(os.getpid()).stat().st_mode
    assert stat.S_IMODE(mode) == 0o600
    assert stat.S_IMODE(door_path(0).parent.stat().st_mode) == 0o700


async def test_it_is_gone_when_the_server_is(door: Door) -> None:
    await door.close()
    assert not door_path(os.getpid()).exists()
    assert await asked({}) is None


async def test_a_stranger_gets_no_answer(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doors, "is_same_user", lambda sock: False)
    with pytest.raises(OSError, match="another user"):
        await asked({})


@pytest.mark.parametrize("said", [b"", b"\n", b"nonsense\n", b"x" * 100_000, b"[" * 4000 + b"\n", b"\xff\n"])
async def test_whatever_is_said_the_next_guest_is_heard(door: Door, said: bytes) -> None:
    reader, writer = await asyncio.open_unix_connection(door_path(os.getpid()))
    writer.write(said)
    writer.write_eof()
    async with asyncio.timeout(10):
        assert await reader.read() == b""
    writer.close()
    assert await asked({}) == {"heard": {}}


async def test_without_a_safe_place_there_is_none(runtime: Path) -> None:
    (runtime / "midfill").mkdir(mode=0o755)
    (runtime / "midfill").chmod(0o755)
    door = Door(lambda question: {})
    await door.open()
    assert list((runtime / "midfill").iterdir()) == []
    await door.close()


def options(*arguments: str) -> argparse.Namespace:
    return cli.parser("why").parse_args(["why", *arguments])


async def run(*arguments: str) -> int:
    return await asyncio.to_thread(why.run, options(*arguments))


async def complete(editor: FakeEditor, said: str = "12") -> None:
    editor.link.answer_with(said)
    uri = editor.open("secretive = ", "file:///home/me/hidden/a.py")
    await editor.inline(uri, 0, 12)


async def test_a_running_server_is_asked(capsys: pytest.CaptureFixture[str]) -> None:
    async with FakeEditor() as editor:
        await complete(editor)
        assert await run() == 0
        told = capsys.readouterr().out
        assert "#1 a.py" in told and "2 characters in 1 lines, from the model" in told
        assert "trigger" in told and "hidden" not in told and "secretive" not in told
        assert await run("--text", "--json") == 0
        [request] = json.loads(capsys.readouterr().out)["requests"]
        assert request["generated"] == "12"


async def test_nothing_has_its_reason(capsys: pytest.CaptureFixture[str]) -> None:
    async with FakeEditor() as editor:
        await complete(editor, "")
        assert await run() == 0
        assert "nothing: the model said nothing" in capsys.readouterr().out


async def test_a_request_is_saved_and_run_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "odd.json"
    async with FakeEditor() as editor:
        await complete(editor)
        assert await run("--save", str(path)) == 0
        with pytest.raises(CommandError, match="there already"):
            await run("--save", str(path))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert await run("--replay", str(path)) == 0
    assert "as it was: '12'" in capsys.readouterr().out
    path.write_text(path.read_text().replace('"text": "12"', '"text": "13"'))
    assert await run("--replay", str(path)) == 1
    assert "then: '13'\nnow:  '12'" in capsys.readouterr().out
    path.write_text("{}")
    with pytest.raises(CommandError, match="no replay"):
        await run("--replay", str(path))


async def test_a_server_that_was_killed_leaves_no_trace(runtime: Path) -> None:
    path = door_path(1)
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(os.fspath(path))
    with pytest.raises(CommandError, match="no server"):
        await run()
    assert not path.exists()
