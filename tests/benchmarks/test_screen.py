"""What a screen draws, in a pipe and on a terminal."""

import io

import pytest

from benchmarks.screen import Screen, columns, cut

TEXT = "a\nb\nc\nd\nif x:\n    \ny\nz\nlast\n"
CURSOR = TEXT.index("    \n") + 4


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_pipe_gets_the_final_state_once() -> None:
    stream = io.StringIO()
    screen = Screen(stream)
    screen.begin(TEXT, CURSOR)
    screen.grow("ret")
    screen.end("return 1")
    assert stream.getvalue() == "   3 c\n   4 d\n   5 if x:\n   6     ⟦return 1⟧\n   7 y\n   8 z\n"


def test_no_text_leaves_no_mark() -> None:
    stream = io.StringIO()
    screen = Screen(stream)
    screen.begin("x = \n", 4)
    screen.end("")
    assert stream.getvalue() == "   1 x = \n   2 \n"


def test_lines_of_ghost_text_stand_between_the_numbered_ones() -> None:
    stream = io.StringIO()
    screen = Screen(stream)
    screen.begin("f(\n)\n", 2)
    screen.end("1,\n  2")
    assert stream.getvalue() == "   1 f(⟦1,⟧\n     ⟦  2⟧\n   2 )\n   3 \n"


def test_a_terminal_redraws_in_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "40")
    stream = Terminal()
    screen = Screen(stream)
    screen.begin("x = \n", 4)
    screen.grow("1")
    screen.end("1\n2")
    frames = stream.getvalue().split("\x1b[2A\r\x1b[J")
    assert frames == [
        "   1 x = \n   2 \n",
        "   1 x = \x1b[2m1\x1b[0m\n   2 \n",
        "   1 x = \x1b[2m1\x1b[0m\n     \x1b[2m2\x1b[0m\n   2 \n",
    ]


def test_control_characters_are_not_obeyed() -> None:
    stream = io.StringIO()
    screen = Screen(stream)
    screen.begin("x\x1b[2J\n", 0)
    screen.end("")
    assert "\x1b" not in stream.getvalue()


@pytest.mark.parametrize(
    ("text", "width", "kept"),
    [("abc", 2, "ab"), ("abc", 9, "abc"), ("中文", 3, "中"), ("e\u0301x", 1, "e\u0301"), ("a", 0, "")],
)
def test_cut_counts_columns(text: str, width: int, kept: str) -> None:
    assert cut(text, width) == kept
    assert columns(kept) <= max(width, 0)
