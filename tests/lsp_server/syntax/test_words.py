"""Where a name stands as a word."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lsp_server.syntax.words import places

PIECES = st.sampled_from(["a", "ab", "_", "1", "é", "é", "́", "ª", "字", "-", " ", "\n", "."])


@pytest.mark.parametrize(
    ("text", "name", "expected"),
    [
        ("an, an_ and _an an", "an", [0, 16]),
        ("anan an", "an", [5]),
        ("", "a", []),
        ("a", "a", [0]),
        ("a a", "a", [0, 2]),
    ],
)
def test_whole_words_are_found(text: str, name: str, expected: list[int]) -> None:
    assert list(places(text, name)) == expected


@given(st.lists(PIECES).map("".join), st.lists(PIECES, min_size=1, max_size=3).map("".join))
def test_the_places_are_those_of_a_regular_expression(text: str, name: str) -> None:
    expected = [match.start() for match in re.finditer(rf"\b{re.escape(name)}\b", text)]
    assert list(places(text, name)) == expected
