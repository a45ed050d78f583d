"""When lines repeat, and when they may be about to."""

import pytest

from lsp_server.completion.repetition import Repetition, is_telling, looped, repeated_lines


@pytest.mark.parametrize(
    ("lines", "above", "whole", "expected"),
    [
        (["first()", "second()"], "zeroth()", True, None),
        (["first()"], "first()", True, Repetition(0, True)),
        (["fir"], "first()", False, Repetition(0, False)),
        (["first()", "fir"], "", False, Repetition(1, False)),
        (["first()", "first()"], "", True, Repetition(1, True)),
        (["first()", "first(1)"], "", True, None),
        (["first()", "other()", "first()", "oth"], "", False, Repetition(2, False)),
        (["first()", "other()", "first()", "other()", "x"], "", False, Repetition(2, True)),
        (["aaa", "bbb", "ccc", "ddd", "aaa", "bbb", "ccc", "ddd"], "", True, Repetition(4, True)),
        (["}", "}"], "}", True, None),
        (["x", "x"], "x", True, None),
        (["else:", "else:"], "", True, None),
        (["", ""], "", True, None),
    ],
)
def test_repeated_lines(lines: list[str], above: str, whole: bool, expected: Repetition | None) -> None:
    assert repeated_lines(lines, above, whole) == expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("x = [0, 0, 0, 0]", None),
        ("x = " + "ab, " * 8, 7),
        ("x = " + "ab, " * 7, None),
        ("-" * 100, None),
        ("-" * 200, 1),
        (" " * 200 + "x", None),
        ("# 返回零返回零返回零", 5),
        ("# 返回零，返回零的平方", None),
        ("# " + "─" * 60, None),
    ],
)
def test_looped(line: str, expected: int | None) -> None:
    assert looped(line) == expected


def test_a_brace_tells_nothing() -> None:
    assert not is_telling("    }")
    assert not is_telling("} else {")
    assert is_telling("return x")
