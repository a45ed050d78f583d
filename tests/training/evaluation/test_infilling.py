from __future__ import annotations

import gzip
import json
from pathlib import Path

from inference.prompt import PromptText
from training.evaluation.completer import Answer
from training.evaluation.infilling import human_eval


class Knowing:
    """Completes each prefix with what it was told, in the editor's form of the prompt alone."""

    def __init__(self, lines: dict[str, str]) -> None:
        self._lines = lines

    def line(self, text: PromptText, *, temperature: float = 0.0, seed: int = 0) -> Answer:
        return Answer(self._lines[text.prefix] if text.suffix.startswith("\n") else "", "stop", 1, 0.0)


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
