"""A completion that grows inside its line."""

import io

import pytest

from lsp_server.commands.ghost_text import GhostText
from lsp_server.document import Document


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def ghost(text: str, cursor: int, stream: io.StringIO) -> GhostText:
    return GhostText(Document("file:///a.py", "python", 1, text).snapshot, cursor, stream)


def test_only_what_is_new_is_written() -> None:
    stream = io.StringIO()
    shown = ghost("a\nf()\nb\n", 4, stream)
    shown.grow("x")
    shown.grow("x, y")
    assert stream.getvalue() == "f(x, y"
    shown.finish("x, y")
    assert stream.getvalue() == "f(x, y)\n"


@pytest.mark.parametrize("text", ["xy", ""])
def test_text_that_is_withdrawn_is_written_anew(text: str) -> None:
    stream = io.StringIO()
    shown = ghost("a\nf()\nb\n", 4, stream)
    shown.grow("xyxy")
    shown.finish(text)
    assert stream.getvalue() == f"f(xyxy\nf({text})\n"


def test_no_text_writes_nothing() -> None:
    stream = io.StringIO()
    ghost("f()\n", 2, stream).finish("")
    assert stream.getvalue() == ""


def test_text_that_came_at_once() -> None:
    stream = io.StringIO()
    ghost("if x:\r\n    \r\n", 11, stream).finish("y = 1\r\n    z = 2")
    assert stream.getvalue() == "    y = 1\n    z = 2\n"


def test_a_terminal_sees_it_dim(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    stream = Terminal()
    ghost("f()\n", 2, stream).finish("x")
    assert stream.getvalue() == "f(\x1b[2mx\x1b[0m)\n"


@pytest.mark.parametrize(("name", "value"), [("NO_COLOR", "1"), ("TERM", "dumb")])
def test_a_terminal_that_wants_no_colour(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    stream = Terminal()
    ghost("f()\n", 2, stream).finish("x")
    assert stream.getvalue() == "f(x)\n"


def test_the_line_cannot_move_the_cursor() -> None:
    stream = io.StringIO()
    ghost("'\x1b[2J' \u202e= \n", 10, stream).finish("x")
    assert stream.getvalue() == "'�[2J' �= x\n"
