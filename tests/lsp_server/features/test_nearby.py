"""What other open files and recent edits put into a prompt, as an editor meets it."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from inference.messages import Snippet
from lsp_server.completion import nearby
from lsp_server.completion.nearby import FAR, STEP
from lsp_server.completion.sources.edits import RecentEdits
from lsp_server.completion.sources.pace import Pace
from lsp_server.completion.sources.query import Piece, Query
from lsp_server.completion.sources.windows import SimilarWindows
from lsp_server.policy import refusal
from tests.lsp_server.fake_editor import FakeEditor
from tests.lsp_server.fake_link import FakeLink

pytestmark = pytest.mark.asyncio

SHAPES, HERE = "file:///project/shapes.py", "file:///project/here.py"
DEFINED = "def area(a, b):\n    return a * b\n"
AREA = Snippet("shapes.py", DEFINED)
USED = "volume = area(1, 2)\n\n"
CANARY = "canary_in_a_coal_mine"


@pytest.fixture(autouse=True)
def roomy(monkeypatch: pytest.MonkeyPatch) -> None:
    # The machine that tests run on may be busy: not what a deadline is about.
    monkeypatch.setattr(nearby, "DEADLINE_S", 60.0)
    monkeypatch.setattr(FakeLink, "snippet_tokens", 1000)


@pytest_asyncio.fixture
async def editor() -> AsyncIterator[FakeEditor]:
    async with FakeEditor(options={"reuse": False, "prefetch": False}) as editor:
        yield editor


async def snippets(editor: FakeEditor, uri: str = HERE, line: int = 1) -> tuple[Snippet, ...]:
    """What the worker is shown of other files at the beginning of a line."""
    editor.link.answer_with("x")
    asked = len(editor.link.requests)
    await editor.inline(uri, line, 0)
    assert len(editor.link.requests) == asked + 1
    return editor.link.requests[-1].snippets


async def test_definitions_of_open_files_need_no_index(editor: FakeEditor) -> None:
    editor.open(DEFINED, SHAPES)
    editor.open(USED, HERE)
    assert await snippets(editor) == (AREA,)


async def test_a_model_that_takes_none_is_shown_none(
    editor: FakeEditor, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never(*_: object) -> tuple[Piece, ...]:
        raise AssertionError("nothing is to be looked for")

    monkeypatch.setattr(FakeLink, "snippet_tokens", 0)
    monkeypatch.setattr(SimilarWindows, "find", never)
    editor.open(DEFINED, SHAPES)
    editor.open(USED, HERE)
    assert await snippets(editor) == ()


async def test_the_setting_switches_it_off(editor: FakeEditor) -> None:
    editor.open(DEFINED, SHAPES)
    editor.open(USED, HERE)
    assert await snippets(editor) == (AREA,)
    editor.notify("workspace/didChangeConfiguration", {"settings": {"midfill": {"context": False}}})
    assert await snippets(editor) == ()


async def test_what_is_closed_is_still_known(editor: FakeEditor) -> None:
    editor.open(DEFINED, SHAPES)
    editor.notify("textDocument/didClose", {"textDocument": {"uri": SHAPES}})
    editor.open(USED, HERE)
    assert await snippets(editor) == (AREA,)


async def test_a_change_of_another_file_is_in_the_next_prompt(editor: FakeEditor) -> None:
    editor.open(DEFINED, SHAPES)
    editor.open(USED, HERE)
    assert await snippets(editor) == (AREA,)
    editor.change(SHAPES, 2, "(a, b, unit)", (0, 8, 0, 14))
    (found,) = await snippets(editor)
    assert found.text.startswith("def area(a, b, unit):\n")


async def test_an_answer_made_with_what_another_file_no_longer_says_is_not_shown_again() -> None:
    async with FakeEditor(options={"prefetch": False}) as editor:
        editor.open(DEFINED, SHAPES)
        editor.open(USED, HERE)
        editor.link.answer_with("y = 1\n")
        for _ in range(2):
            assert len(await editor.inline(HERE, 1, 0)) == 1
            assert [each.snippets for each in editor.link.requests] == [(AREA,)]  # it is kept
        editor.change(SHAPES, 2, "(a, b, unit)", (0, 8, 0, 14))
        await editor.inline(HERE, 1, 0)
        assert len(editor.link.requests) == 2


async def test_an_edit_in_another_file(editor: FakeEditor) -> None:
    other = editor.open("".join(f"x{n} = 1\n" for n in range(20)), "file:///project/other.py")
    editor.open(USED, HERE)
    editor.change(other, 2, "x9 = area(3, 4)\n", (9, 0, 10, 0))
    assert await snippets(editor) == (Snippet("other.py", "x8 = 1\nx9 = area(3, 4)\nx10 = 1\n"),)


async def test_edits_found_after_another_file_was_asked_about_are_in_the_next_prompt(
    editor: FakeEditor,
) -> None:
    other = editor.open("".join(f"x{n} = 1\n" for n in range(20)), "file:///project/other.py")
    editor.open(USED, HERE)
    assert await snippets(editor) == ()
    editor.change(other, 2, "x9 = area(3, 4)\n", (9, 0, 10, 0))
    assert await snippets(editor) == ()  # whoever types here has not been there
    await editor.inline(other, 12, 0)
    assert [each.path for each in await snippets(editor)] == ["other.py"]


async def test_the_snippets_stay_while_the_cursor_is_near(editor: FakeEditor) -> None:
    editor.open(DEFINED, SHAPES)
    editor.open("class OtherThing:\n    pass\n", "file:///project/things.py")
    editor.open(USED, HERE)
    assert await snippets(editor) == (AREA,)
    for number in range(2, STEP):
        editor.change(HERE, number, "thing = OtherThing()\n", (1, 0, 1, 0))
        assert await snippets(editor, HERE, number) == (AREA,)
    editor.change(HERE, STEP, "\n" * STEP, (1, 0, 1, 0))
    assert [each.path for each in await snippets(editor, HERE, 2 * STEP)] == ["shapes.py", "things.py"]


async def test_what_comes_too_late_is_in_the_next_prompt(
    editor: FakeEditor, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = asyncio.Event()
    find = SimilarWindows.find

    async def slow(source: SimilarWindows, query: Query, pace: Pace) -> tuple[Piece, ...]:
        await release.wait()
        return await find(source, query, pace)

    monkeypatch.setattr(nearby, "DEADLINE_S", 0.01)
    monkeypatch.setattr(SimilarWindows, "find", slow)
    body = "".join(f"value_{n} = compute_{n}(value_{n})\n" for n in range(10))
    behind = "".join(f"behind_{n} = True\n" for n in range(10))
    editor.open(body + behind, "file:///project/similar.py")
    editor.open(body, HERE)
    assert await snippets(editor, HERE, 10) == ()
    async with asyncio.timeout(60):
        release.set()
        while [each.path for each in await snippets(editor, HERE, 10)] != ["similar.py"]:
            await asyncio.sleep(0.01)


async def test_a_source_that_fails_is_told_and_the_others_go_on(
    editor: FakeEditor, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(*_: object) -> tuple[Piece, ...]:
        raise RuntimeError(CANARY)

    monkeypatch.setattr(RecentEdits, "find", broken)
    editor.open(DEFINED, SHAPES)
    editor.open(USED, HERE)
    assert await snippets(editor) == (AREA,)
    assert "RecentEdits failed with RuntimeError" in caplog.text
    assert CANARY not in caplog.text


@pytest.mark.parametrize(
    ("uri", "language", "text"),
    [
        ("file:///project/.env", "plaintext", ""),
        ("file:///project/secrets/a.yaml", "yaml", ""),
        ("file:///project/off.rb", "ruby", ""),
        ("file:///project/key.py", "python", "-----BEGIN RSA PRIVATE KEY-----\n"),
    ],
)
async def test_what_the_policy_refuses_never_reaches_the_channel(uri: str, language: str, text: str) -> None:
    async with FakeEditor(options={"reuse": False, "disabledLanguages": ["ruby"]}) as editor:
        body = "".join(f"value_{n} = compute_{n}(value_{n})\n" for n in range(10))
        editor.open(f"{text}{body}def {CANARY}():\n    {CANARY} = 1\n", uri, language)
        editor.open(f"{body}{CANARY}(1)\n", HERE)
        assert await snippets(editor, HERE, 11) == ()
        editor.change(uri, 2, f"{CANARY}(2)\n", (11, 0, 11, 0))
        editor.change(HERE, 2, "\n" * STEP, (11, 0, 11, 0))
        assert await snippets(editor, HERE, 11 + STEP) == ()


async def test_what_the_policy_begins_to_refuse_is_shown_no_longer(editor: FakeEditor) -> None:
    editor.open(DEFINED, SHAPES)
    editor.open(USED, HERE)
    assert await snippets(editor) == (AREA,)
    editor.change(SHAPES, 2, "-----BEGIN RSA PRIVATE KEY-----\n", (0, 0, 0, 0))
    assert await snippets(editor) == ()


async def test_a_refusal_that_comes_while_the_sources_are_asked_counts(
    editor: FakeEditor, monkeypatch: pytest.MonkeyPatch
) -> None:
    find = RecentEdits.find

    async def then_refused(source: RecentEdits, query: Query, pace: Pace) -> tuple[Piece, ...]:
        found = await find(source, query, pace)
        monkeypatch.setattr(refusal, "begins_a_key", lambda text: text == DEFINED)
        return found

    monkeypatch.setattr(RecentEdits, "find", then_refused)
    editor.open(DEFINED, SHAPES)
    editor.open(USED, HERE)
    assert await snippets(editor) == ()


async def test_far_from_where_they_were_found_they_are_shown_no_longer(editor: FakeEditor) -> None:
    editor.open(DEFINED, SHAPES)
    editor.open(USED + f"# {'-' * 100}\n\n" * (FAR + STEP), HERE)
    assert await snippets(editor) == (AREA,)
    assert await snippets(editor, HERE, 2 * STEP + 1) == (AREA,)  # nothing else was found
    assert await snippets(editor, HERE, 2 * STEP + FAR + 1) == ()


async def test_whatever_is_typed_and_opened_nothing_refused_and_nothing_of_the_window_is_shown() -> None:
    """Random sessions over files that may be shown and files that may not."""
    rng = random.Random(5)
    names = [f"file:///project/f{n}.py" for n in range(5)]
    refused = [f"file:///project/secrets/s{n}.yml" for n in range(2)]
    lines = [f"value_{n} = compute_{n % 7}(first_{n}, second_{n})" for n in range(40)]
    lines += [f"def compute_{n}(first, second):" for n in range(7)]
    async with FakeEditor(options={"reuse": False, "prefetch": False}) as editor:
        texts: dict[str, list[str]] = {}
        versions = dict.fromkeys((*names, *refused), 0)
        shown = 0
        for _ in range(250):
            uri = rng.choice(names + refused)
            versions[uri] += 1
            if uri not in texts or rng.random() < 0.05:
                texts[uri] = [rng.choice(lines) + mark(uri) for _ in range(rng.choice((5, 30, 700)))]
                editor.open("".join(f"{line}\n" for line in texts[uri]), uri, version=versions[uri])
                continue
            if rng.random() < 0.1:
                editor.notify("textDocument/didClose", {"textDocument": {"uri": uri}})
                del texts[uri]
                continue
            at = rng.randrange(len(texts[uri]))
            line = rng.choice(lines) + mark(uri)
            texts[uri].insert(at, line)
            editor.change(uri, versions[uri], f"{line}\n", (at, 0, at, 0))
            if uri in refused:
                continue
            editor.link.answer_with("x")
            asked = len(editor.link.requests)
            texts[uri].insert(at, "")
            versions[uri] += 1
            editor.change(uri, versions[uri], "\n", (at, 0, at, 0))
            await editor.inline(uri, at, 0)
            for request in editor.link.requests[asked:]:
                window = {each.strip() for each in (request.prefix + request.suffix).split("\n")}
                for snippet in request.snippets:
                    shown += 1
                    assert CANARY not in snippet.text
                    if snippet.path == uri.rpartition("/")[2]:
                        assert window.isdisjoint(snippet.text.strip().split("\n"))
        assert shown > 50


def mark(uri: str) -> str:
    return f"  # {CANARY}" if "secrets" in uri else f"  # {uri[-5:-3]}"
