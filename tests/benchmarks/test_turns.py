"""Measurements in turns: who is asked when, and what is made of it."""

from __future__ import annotations

from benchmarks.turns import Comparison, Spread, compared, in_turns, table


def test_everyone_is_asked_once_a_round_and_begins_in_turn() -> None:
    asked: list[str] = []

    def measure(name: str) -> float:
        asked.append(name)
        return float(len(asked))

    taken = in_turns({name: lambda name=name: measure(name) for name in "abc"}, rounds=2)
    assert "".join(asked) == "abc" + "bca" + "cab"
    assert taken == {"a": [6.0, 8.0], "b": [4.0, 9.0], "c": [5.0, 7.0]}, "without the first round"


def test_ratios_are_taken_turn_by_turn() -> None:
    taken = {"ours": [1.0, 2.0, 4.0], "theirs": [3.0, 4.0, 4.0]}
    row = Comparison(
        "x", "bf16", "theirs", Spread(2.0, 1.0, 4.0), Spread(4.0, 3.0, 4.0), Spread(2.0, 1.0, 3.0)
    )
    assert compared("x", "bf16", "ours", taken) == [row]
    assert table([row]).splitlines()[-1] == "| x | bf16 | 2.00 | theirs | 4.00 | 2.00 (1.00–3.00) |"
