"""An edit and the least edit that does the same."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lsp_server.syntax.replacement import Replacement

TEXT = st.text(st.sampled_from("ab\r\n😀"), max_size=30)


@pytest.mark.parametrize(
    ("text", "change", "expected"),
    [
        ("def a(b):", Replacement(0, 9, "def ac(b):"), Replacement(5, 5, "c")),
        ("aaa", Replacement(0, 3, "aa"), Replacement(2, 3, "")),
        ("aa", Replacement(0, 2, "aaa"), Replacement(2, 2, "a")),
        ("abc", Replacement(1, 2, "b"), Replacement(2, 2, "")),
        ("abc", Replacement(0, 3, "xyz"), Replacement(0, 3, "xyz")),
        ("", Replacement(0, 0, ""), Replacement(0, 0, "")),
        ("x" * 1000, Replacement(0, 1000, "x" * 700 + "y" + "x" * 300), Replacement(700, 700, "y")),
    ],
)
def test_what_stays_is_left_out(text: str, change: Replacement, expected: Replacement) -> None:
    assert change.trimmed(text) == expected


@given(TEXT, TEXT, st.integers(0, 30), st.integers(0, 30))
def test_the_trimmed_edit_leaves_the_same_text(text: str, new: str, a: int, b: int) -> None:
    start, end = sorted((min(a, len(text)), min(b, len(text))))
    change = Replacement(start, end, new)
    trimmed = change.trimmed(text)
    assert trimmed.applied(text) == change.applied(text)
    old, rest = text[trimmed.start : trimmed.end], trimmed.text
    assert not old or not rest or (old[0] != rest[0] and old[-1] != rest[-1])
