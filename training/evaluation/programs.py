"""Whole functions: HumanEval (arXiv 2107.03374) and MBPP (arXiv 2108.07732), greedy, judged by their tests.

Both are read from the files that their authors publish, one JSON object a line; the programs run in
`training/sandbox.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training.evaluation.completer import BlockCompleter
from training.evaluation.progress import Progress
from training.jsonl import DataError, read_records
from training.sandbox import passes

MAX_TOKENS = 384
MBPP_TEST_SPLIT = range(11, 511)
_HUMAN_EVAL = dict.fromkeys(("task_id", "prompt", "entry_point", "test"), str)
_MBPP = {"task_id": int, "text": str, "test_list": list, "test_setup_code": str}


@dataclass(frozen=True, slots=True)
class Task:
    """A program to be gone on with: `check` is run behind it, `stops` are no part of the answer."""

    name: str
    prompt: str
    check: str
    stops: tuple[str, ...]
    setup: str = ""


def human_eval_tasks(path: Path) -> list[Task]:
    """The tasks of HumanEval.jsonl(.gz); the answer ends where the function does, as in its paper.

    Raises:
        DataError: naming the file and the line.
    """
    return [
        Task(
            name=record["task_id"],
            prompt=record["prompt"],
            check=f"\n\n{record['test']}\n\ncheck({record['entry_point']})\n",
            stops=("\nclass ", "\ndef ", "\n#", "\nif ", "\nprint(", "\n@"),
        )
        for record in read_records(path, _HUMAN_EVAL)
    ]


def mbpp_tasks(path: Path) -> list[Task]:
    """The test split of mbpp.jsonl, tasks 11 to 510. Description and tests stand in a docstring, as in
    InCoder's evaluation (arXiv 2204.05999); nothing is shown beside them.

    Raises:
        DataError: naming the file and the line, or that there is no task of the split.
    """
    tasks = []
    for record in read_records(path, _MBPP):
        if record["task_id"] not in MBPP_TEST_SPLIT:
            continue
        if not record["test_list"] or not all(type(test) is str for test in record["test_list"]):
            raise DataError(f"{path}: task {record['task_id']}: 'test_list' must hold texts")
        tests = "\n".join(record["test_list"])
        tasks.append(
            Task(
                name=str(record["task_id"]),
                prompt=f'"""\n{record["text"]}\n{tests}\n"""\n',
                check=f"\n\n{tests}\n",
                stops=("\nassert", '\n"""', "\nprint(", "\nif __name__", "\n# Test"),
                setup=record["test_setup_code"] + "\n",
            )
        )
    return tasks


def programs(
    completer: BlockCompleter, read: Callable[[Path], list[Task]], path: Path, limit: int | None, what: str
) -> dict[str, Any]:
    """pass@1 over the first `limit` tasks, or all.

    Raises:
        DataError: naming the file, and the line if one is wrong.
    """
    tasks = read(path)[:limit]
    if not tasks:
        raise DataError(f"{path}: no task in it")
    progress = Progress(what, len(tasks))
    rows: list[dict[str, Any]] = []
    for number, task in enumerate(tasks, 1):
        answer = completer.block(task.prompt, task.stops, MAX_TOKENS)
        passed = passes(task.setup + task.prompt + answer + task.check)
        rows.append({"task_id": task.name, "model": answer, "pass": passed})
        progress(number)
    return {"problems": len(rows), "pass": sum(row["pass"] for row in rows) / len(rows), "rows": rows}
