from __future__ import annotations

from typing import Any

import pytest

from tests.training.infilling_problem import PROBLEM
from training.evaluation.best_of import best_of, compiles, gated


@pytest.mark.parametrize(
    ("program", "fine"),
    [
        ("x = 1", True),
        ("x = (", False),
        ("x = '\\d' is 1", True),  # warnings are none of its business
        ("return 1", False),
        ("x\0", False),
        ("(" * 1000, False),
        ("1 / 0", True),  # it is not run
    ],
)
def test_what_compiles(program: str, fine: bool) -> None:
    assert compiles(program) is fine


def test_the_first_that_compiles_is_kept(told: Any) -> None:
    answers = ["    y = (", "    y = [", "    y = 1 + x", "    y = x"]
    completer = told(lambda prefix, suffix, seed: answers[seed])
    line, asked, compiled = gated(
        completer, PROBLEM["prompt"], "\n" + PROBLEM["suffix"], count=4, temperature=0.4
    )
    assert (line, asked, compiled) == (answers[2], 3, True)
    assert [(temperature, seed) for _, temperature, seed in completer.asked] == [(0, 0), (0.4, 1), (0.4, 2)]
    score = best_of(completer, [PROBLEM], count=4, temperature=0.4)
    assert (score["pass"], score["compiles"], score["greedy_compiles"], score["asked"]) == (1, 1, 0, 3)
    assert best_of(completer, [PROBLEM], count=2, temperature=0.4)["pass"] == 0


def test_where_none_compiles_the_greedy_one_stands(told: Any) -> None:
    completer = told(lambda prefix, suffix, seed: f"    y = ({seed}")
    assert gated(completer, "def f():\n", "\n    return y\n", count=3, temperature=1.0) == (
        "    y = (0",
        3,
        False,
    )
