from __future__ import annotations

from typing import Any

import pytest

from training.cursors import Cursor
from training.evaluation.simulated_typing import (
    accept_whole,
    accept_words,
    simulated_typing,
    type_line,
)


@pytest.mark.parametrize(
    ("shown", "missing", "whole", "words"),
    [
        ("foo(bar)", "foo(bar)", (8, 1), (8, 1)),
        ("foo.bar(x)", "foo.baz(x)", (0, 0), (3, 1)),  # a lone dot is typed as fast as taken
        ("self, name", "self, nam", (0, 0), (4, 1)),
        (" = value + 1", " = value - 1", (0, 0), (8, 2)),
        ("count", "counter", (0, 0), (0, 0)),
        ("", "x", (0, 0), (0, 0)),
        ("x", "x", (0, 0), (0, 0)),  # one key for one character saves nothing
    ],
)
def test_what_is_accepted(shown: str, missing: str, whole: tuple[int, int], words: tuple[int, int]) -> None:
    assert accept_whole(shown, missing) == whole
    assert accept_words(shown, missing) == words


def test_keys_and_completions_of_one_line() -> None:
    shown = ["", "wrong", "urn value", "?", "?", "?", "?", "?", "?", "?", "?", "?"]
    tally = type_line("return value", lambda at: shown[at], accept_whole)
    # r, e; at "urn value" nothing matches yet ("turn value" is missing).
    assert tally.keys == 12 and tally.accepted == 0
    shown[2] = "turn value"
    tally = type_line("return value", lambda at: shown[at], accept_whole)
    assert (tally.keys, tally.accepted, tally.accepted_characters) == (3, 1, 10)
    assert (tally.shown, tally.shown_characters) == (2, 15)


def test_a_completion_that_is_typed_through_was_shown_once() -> None:
    guess = "return values"
    tally = type_line("return value", lambda at: guess[at:], accept_whole)
    assert (tally.shown, tally.shown_characters, tally.keys) == (1, 13, 12)


def test_two_people_type_the_same_lines(told: Any) -> None:
    cursors = [
        Cursor("s", "p", "def f(value):\n    ", "\n", "return value"),
        Cursor("s", "p", "x = 1\n", "\n", "y = x"),
    ]

    def reply(prefix: str, suffix: str, seed: int) -> str:
        return "return values" if prefix.endswith("    ") else ""

    completer = told(reply)
    score = simulated_typing(completer, cursors)
    assert score["whole"]["saved"] == 0 and score["whole"]["shown_per_accepted"] is None
    words = score["words"]
    assert words["keys"] == 1 + 6 + 5, "`return` with one key, ` value` by hand, and the other line"
    assert words["saved"] == pytest.approx(1 - 12 / 17)
    assert (words["shown"], words["accepted"], words["shown_per_accepted"]) == (1, 1, 1)
    assert words["characters_shown_per_accepted"] == pytest.approx(13 / 6)
    assert [row["words"] for row in score["rows"]] == [7, 5]
    assert len(completer.asked) == 17, "no place is asked about twice"
