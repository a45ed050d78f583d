from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from training.cursors import copied, draw_cursors, edit_similarity
from training.evaluate import Answer, human_eval
from training.sandbox import passes, without_network


@pytest.mark.parametrize(
    ("program", "passed"),
    [
        ("assert 1 + 1 == 2", True),
        ("assert 1 + 1 == 3", False),
        ("def broken(:", False),
        ("while True: pass", False),
        ("x = bytearray(3 << 30)", False),
        ("open('f', 'wb').write(bytes(2 << 20))", False),
        ("import os, sys; sys.exit(0 if set(os.environ) <= {'PATH', 'HOME', 'LC_CTYPE'} else 1)", True),
    ],
)
def test_a_program_passes_or_not_within_its_limits(program: str, passed: bool) -> None:
    assert passes(program) is passed


def test_where_namespaces_are_permitted_there_is_no_network() -> None:
    program = "import socket\nassert socket.if_nameindex() == [(1, 'lo')]"
    assert passes(program) is bool(without_network())


@pytest.mark.parametrize(
    ("prefix", "suffix", "expected"),
    [
        ("total = width * height\nother = wid", "", "th * height"),
        ("other = wid", "\ntotal = width * height\n", "th * height"),
        ("a = self.x + 1\nb = self.y + 2\nc = self.", "", "y + 2"),  # of two equally long, the nearer
        ("", "x", ""),
        ("q", "", ""),
    ],
)
def test_copying_continues_the_longest_match(prefix: str, suffix: str, expected: str) -> None:
    assert copied(prefix, suffix) == expected


@pytest.mark.parametrize(
    ("a", "b", "similarity"),
    [
        ("", "", 1.0),
        ("abc", "abc", 1.0),
        ("abc", "", 0.0),
        ("kitten", "sitting", 1 - 3 / 7),
        ("ab", "ba", 0.0),
    ],
)
def test_edit_similarity(a: str, b: str, similarity: float) -> None:
    assert edit_similarity(a, b) == pytest.approx(similarity)


def test_cursors_cut_a_line_of_code_and_remember_the_truth(tmp_path: Path) -> None:
    text = "# a comment\nimport os\n\n\ndef go(x):\n    value = os.path.join(x, 'a')  \n    return value\n"
    records = [
        {"source": "s", "path": "a.py", "text": text},
        {"source": "s", "path": "test_a.py", "text": "bad = 1\n"},
    ]
    held_out = tmp_path / "heldout.jsonl"
    held_out.write_text("".join(json.dumps(record) + "\n" for record in records))
    for kind in ("rest of line", "full line"):
        cursors = draw_cursors(held_out, 40, kind, seed=1)
        assert cursors == draw_cursors(held_out, 40, kind, seed=1)
        for cursor in cursors:
            line = cursor.prefix.split("\n")[-1] + cursor.truth
            assert any(line == original.rstrip() for original in text.split("\n"))
            assert cursor.truth and not line.lstrip().startswith("#")
            assert cursor.suffix.startswith("\n")
            if kind == "full line":
                assert cursor.prefix.split("\n")[-1].strip() == ""


class Knowing:
    """Completes each prefix with what it was told, in the editor's form of the prompt alone."""

    def __init__(self, lines: dict[str, str]) -> None:
        self._lines = lines

    def line(self, prefix: str, suffix: str) -> Answer:
        return Answer(self._lines[prefix] if suffix.startswith("\n") else "", "stop", 1, 0.0)


def test_the_benchmarks_own_tests_decide(tmp_path: Path) -> None:
    problems = [
        {
            "task_id": name,
            "prompt": f"def {name}(x):\n",
            "suffix": "    return y\n",
            "canonical_solution": "    y = x + 1\n",
            "test": "def check(f):\n    assert f(1) == 2\n",
            "entry_point": name,
        }
        for name in ("right", "wrong", "broken")
    ]
    path = tmp_path / "problems.jsonl.gz"
    with gzip.open(path, "wt", encoding="utf-8") as file:
        file.writelines(json.dumps(problem) + "\n" for problem in problems)
    answers = {
        "def right(x):\n": "    y = 1 + x",
        "def wrong(x):\n": "    y = x",
        "def broken(x):\n": "    y = (",
    }
    score = human_eval(Knowing(answers), path, None)
    assert [row["pass"] for row in score["rows"]] == [True, False, False]
    assert (score["bare_pass"], score["blank_pass"], score["exact"]) == (0, 0, 0)
    assert human_eval(Knowing(answers), path, 1)["pass"] == 1
