from __future__ import annotations

import json
from pathlib import Path
from typing import cast

import pytest

from inference.engine import Engine
from inference.messages import Statistics
from inference.request import DoneEvent, Event, Request, TextEvent
from training.evaluation.completer import Completer
from training.evaluation.programs import human_eval_tasks, mbpp_tasks, programs
from training.jsonl import DataError

HUMAN_EVAL = {
    "task_id": "HumanEval/0",
    "prompt": 'def inc(x):\n    """One more."""\n',
    "entry_point": "inc",
    "canonical_solution": "    return x + 1\n",
    "test": "def check(f):\n    assert f(1) == 2\n",
}
MBPP = {
    "task_id": 11,
    "text": "Write a function that adds one.",
    "code": "def inc(x): return x + 1",
    "test_setup_code": "import math",
    "test_list": ["assert inc(math.floor(1.5)) == 2"],
    "challenge_test_list": [],
}


class Writing:
    """Goes on with what it was told, up to a stop."""

    def __init__(self, text: str) -> None:
        self._text = text
        self.prompts: list[str] = []

    def block(self, prefix: str, stops: tuple[str, ...], max_tokens: int) -> str:
        self.prompts.append(prefix)
        return self._text[: min([self._text.find(s) for s in stops if s in self._text] or [None])]


def written(path: Path, *records: object) -> Path:
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


@pytest.mark.parametrize(("answer", "right"), [("    return x + 1\n", 1), ("    return x\n", 0)])
def test_human_eval(tmp_path: Path, answer: str, right: int) -> None:
    path = written(tmp_path / "HumanEval.jsonl", HUMAN_EVAL)
    score = programs(Writing(answer + "\n\ndef other():\n    ("), human_eval_tasks, path, None, "HumanEval")
    assert (score["problems"], score["pass"]) == (1, right)
    assert "other" not in score["rows"][0]["model"]


def test_mbpp(tmp_path: Path) -> None:
    path = written(tmp_path / "mbpp.jsonl", {**MBPP, "task_id": 2}, MBPP, {**MBPP, "task_id": 12})
    writer = Writing("def inc(x):\n    return x + 1\n\nassert nonsense")
    score = programs(writer, mbpp_tasks, path, None, "MBPP")
    assert (score["problems"], score["pass"]) == (2, 1), "task 2 is of the training split"
    assert writer.prompts[0].startswith('"""\nWrite a function that adds one.\nassert inc(')
    assert programs(writer, mbpp_tasks, path, 1, "MBPP")["problems"] == 1


def test_files_of_another_kind_are_named(tmp_path: Path) -> None:
    path = written(tmp_path / "file.jsonl", {**HUMAN_EVAL, "task_id": 3})
    with pytest.raises(DataError, match=r"file\.jsonl:1: field 'task_id' must be str"):
        human_eval_tasks(path)
    with pytest.raises(DataError, match=r"file\.jsonl:1: field 'text' is missing"):
        mbpp_tasks(path)
    with pytest.raises(DataError, match="'test_list' must hold texts"):
        mbpp_tasks(written(path, {**MBPP, "test_list": [1]}))
    with pytest.raises(DataError, match="no task in it"):
        programs(Writing(""), mbpp_tasks, written(path, {**MBPP, "task_id": 2}), None, "MBPP")


class Breaking:
    """An engine that gives one piece a request, and breaks all but the last off."""

    def __init__(self, *pieces: str) -> None:
        self._pieces = list(pieces)
        self._events: list[list[Event]] = []
        self.prompts: list[str] = []

    @property
    def has_work(self) -> bool:
        return bool(self._events)

    def submit(self, request: Request) -> None:
        self.prompts.append(request.prompt.prefix)
        piece = self._pieces.pop(0)
        statistics = Statistics(10, 0, 5, 0.0, 0.0, 0.0, 0.0, -1.0)
        done = DoneEvent(request.key, "length" if self._pieces else "eot", statistics)
        self._events = [[TextEvent(request.key, piece)] if piece else [], [done]]

    def step(self) -> list[Event]:
        return self._events.pop(0)


def test_an_answer_that_the_card_breaks_off_is_gone_on_with() -> None:
    engine = Breaking("    ret", "urn x", "")
    assert Completer(cast(Engine, engine)).block("def f(x):\n", (), 40) == "    return x"
    assert engine.prompts == ["def f(x):\n", "def f(x):\n    ret", "def f(x):\n    return x"]
    # A stop may lie across two answers, and the tokens of all count.
    assert Completer(cast(Engine, Breaking("a\nde", "f b", "c"))).block("", ("\ndef",), 40) == "a"
    assert Completer(cast(Engine, Breaking("a", "b", "c", "d"))).block("", (), 10) == "ab"
