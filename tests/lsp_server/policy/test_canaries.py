"""5,000 canaries in all the places that are excluded: none is sent to the worker, logged, cached or shown."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from inference.messages import encode
from lsp_server.completion import nearby
from lsp_server.index import indexer
from lsp_server.policy.policy_file import NAME
from tests.lsp_server.fake_editor import FakeEditor
from tests.lsp_server.fake_link import FakeLink
from tests.lsp_server.policy.secret_shapes import NAMES, TOKENS, VALUES, private_key

DEADLINE_S = 120.0
LENGTH = 12
"""Characters of a canary in a row that count as the canary."""
A_DOCUMENT = 50


class Cage:
    """Draws canaries, and keeps them."""

    def __init__(self, seed: int) -> None:
        self._rng = random.Random(seed)
        self.kept: list[str] = []

    def secret(self) -> str:
        """A line with a secret of some shape."""
        roll = self._rng.random()
        if roll < 0.02:
            key = private_key(self._rng)
            self.kept.append(key.split("\n")[1])
            return f"key = '''{key}'''"
        if roll < 0.6:
            self.kept.append(TOKENS[self._rng.choice(sorted(TOKENS))](self._rng))
            return f"client.connect('{self.kept[-1]}')"
        self.kept.append(VALUES[self._rng.choice(sorted(VALUES))](self._rng))
        return self._rng.choice(NAMES).format(self.kept[-1])

    def word(self) -> str:
        """A line with a name that is no secret, for what is excluded by where it stands."""
        self.kept.append("canary" + "".join(self._rng.choices("bcdfghjklmnpqrstvwz", k=16)))
        return f"{self.kept[-1]} = 1"


def shingles(texts: Iterable[str]) -> set[str]:
    """All runs of LENGTH characters."""
    lines = {line for text in texts for line in text.splitlines()}
    return {line[at : at + LENGTH] for line in lines for at in range(len(line) - LENGTH + 1)}


def runs(canary: str) -> Iterator[str]:
    return (canary[at : at + LENGTH] for at in range(0, len(canary) - LENGTH + 1, 5))


def escaped(cage: Cage, texts: Iterable[str]) -> list[str]:
    everything = shingles(texts)
    return [canary for canary in cage.kept if any(run in everything for run in runs(canary))]


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(indexer, "_DEBOUNCE_S", 0.01)
    monkeypatch.setattr(indexer, "_PAUSE_S", 0.0)
    monkeypatch.setattr(nearby, "DEADLINE_S", DEADLINE_S)
    monkeypatch.setattr(FakeLink, "snippet_tokens", 1000)
    (tmp_path / "project").mkdir()
    return tmp_path / "project"


def put(root: Path, name: str, text: str) -> str:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path.as_uri()


async def ask_all(editor: FakeEditor, uri: str, text: str) -> list[Any]:
    """A completion at every blank line."""
    lines = [number for number, line in enumerate(text.split("\n")) if not line]
    return [await editor.inline(uri, line, 0) for line in lines]


@pytest.mark.asyncio
async def test_no_canary_gets_out(root: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    cage = Cage(20)
    (root / ".gitignore").write_text("generated/\n")
    (root / ".midfillignore").write_text("closed/\n*.closed.py\n")
    (root / NAME).write_text("[forbid]\npaths = ['vault/']\nlanguages = ['sql']\n")
    # In files that are read, secrets: in headers, defaults, comments and bodies.
    for number in range(20):
        lines = [f"class Shape{number}:", '    """Of a shape."""', ""]
        for method in range(A_DOCUMENT // 2):
            lines += [
                f"    def area_of_{number}_{method}(self, unit={TOKENS['github'](random.Random(0))!r}):",
                f"        # {cage.secret()}", f"        {cage.secret()}", "        return unit", "",
            ]  # fmt: skip
        put(root, f"shapes{number}.py", "\n".join(lines))
    # In files that are not read, words that are no secrets.
    hidden = {
        name: "".join(f"def {cage.word().split()[0]}(): ...\n" for _ in range(A_DOCUMENT))
        for number in range(6)
        for name in (
            f"generated/g{number}.py", f"closed/c{number}.py", f"m{number}.closed.py", f"vault/v{number}.py",
            f".env.{number}", f"q{number}.sql", f"secrets/s{number}.txt",
        )
    }  # fmt: skip
    for name, text in hidden.items():
        put(root, name, text)
    editor = FakeEditor(
        options={"workspaceIndex": True, "reuse": False, "streaming": True}, root=root.as_uri()
    )
    async with editor:
        editor.link.answer_with("x = 1")
        await see_the_index(editor, root)
        for number in range(40):  # open documents with secrets in them
            body = "\n".join(cage.secret() + ("\n" if line % 10 == 9 else "") for line in range(A_DOCUMENT))
            shape = f"Shape{number % 20}"
            use = f"from shapes{number % 20} import {shape}\n{shape}().area_of_{number % 20}_1()\n"
            text = f"{body}\n{use}\n"
            uri = put(root, f"open{number}.py", text)
            editor.open(text, uri)
            assert await ask_all(editor, uri, text)
        asked = len(editor.link.requests)
        for name, text in hidden.items():  # open documents that are excluded
            if not name.startswith("generated"):
                uri = (root / name).as_uri()
                editor.open(text + "\n", uri, language="sql" if name.endswith("sql") else "python")
                assert not any(await ask_all(editor, uri, text + "\n"))
        assert len(editor.link.requests) == asked
        # What the model says.
        said = Cage(21)
        uri = editor.open("# notes\n\n", (root / "notes.py").as_uri())
        number = 1
        while len(cage.kept) + len(said.kept) < 5000:
            number += 1
            editor.link.answer_with(said.secret())
            editor.change(uri, number, f"# notes {number}\n\n")
            for item in await editor.inline(uri, 1, 0):
                assert not escaped(said, [item["insertText"]])
        heard = [str(message) for message in editor.notifications]
        sent = [encode(request).decode("utf-8", "replace") for request in editor.link.requests]
    cached = [
        path.read_bytes().decode("latin-1") for path in (tmp_path / "cache").rglob("*") if path.is_file()
    ]
    assert cached and len(sent) >= 200
    assert any("area_of" in text for text in sent), "no snippet of another file was sent"
    assert len(cage.kept) + len(said.kept) >= 5000
    for where in (sent, cached, [caplog.text], heard):
        assert escaped(cage, where) == []
        assert escaped(said, where) == []


async def see_the_index(editor: FakeEditor, root: Path) -> None:
    """Wait until the index knows of the last file."""
    async with asyncio.timeout(DEADLINE_S):
        number = 0
        while not any("area_of" in each.text for asked in editor.link.requests for each in asked.snippets):
            number += 1
            text = "from shapes19 import Shape19\nShape19().area_of_19_1()\n\n"
            uri = editor.open(text, (root / f"wait{number}.py").as_uri())
            await editor.inline(uri, 2, 0)
            await asyncio.sleep(0.05)


def test_the_canaries_would_be_heard() -> None:
    cage = Cage(1)
    lines = [cage.secret() for _ in range(200)] + [cage.word() for _ in range(20)]
    assert escaped(cage, ["".join(lines)]) == cage.kept
