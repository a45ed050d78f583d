"""HumanEval-Infilling (arXiv 2204.05999), single line: the benchmark's own tests decide."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from inference.prompt import PromptText
from training.evaluation.completer import LineCompleter
from training.evaluation.progress import Progress
from training.jsonl import DataError, read_records
from training.sandbox import passes, without_network

_FIELDS = dict.fromkeys(("task_id", "entry_point", "prompt", "suffix", "canonical_solution", "test"), str)


def read_problems(path: Path, limit: int | None) -> list[dict[str, str]]:
    """The first `limit` problems, or all.

    Raises:
        DataError: naming the file and the line that is no problem of this benchmark.
    """
    problems = list(read_records(path, _FIELDS))[:limit]
    if not problems:
        raise DataError(f"{path}: no problem in it")
    return problems


def human_eval(completer: LineCompleter, path: Path, limit: int | None) -> dict[str, Any]:
    """pass@1, greedy; the floor leaves the line blank.

    As in an editor the cursor stands on a line of its own, whose line end is there already; in the
    benchmark's own prompt the line end is part of what is missing ("bare").

    Raises:
        DataError: naming the file and the line.
    """
    problems = read_problems(path, limit)
    progress = Progress("HumanEval-Infilling", len(problems))
    rows: list[dict[str, Any]] = []
    for number, problem in enumerate(problems, 1):
        text = PromptText(problem["prompt"], problem["suffix"], language="python")
        answer = completer.line(replace(text, suffix="\n" + text.suffix)).text
        bare = completer.line(text).text
        rows.append(
            {
                "task_id": problem["task_id"], "model": answer, "bare": bare,
                "truth": problem["canonical_solution"], "pass": solves(problem, answer),
                "bare_pass": solves(problem, bare), "blank_pass": solves(problem, ""),
            }
        )  # fmt: skip
        progress(number)
    count = len(rows)
    return {
        "problems": count,
        "pass": sum(row["pass"] for row in rows) / count,
        "bare_pass": sum(row["bare_pass"] for row in rows) / count,
        "blank_pass": sum(row["blank_pass"] for row in rows) / count,
        "exact": sum(row["model"].strip() == row["truth"].strip() for row in rows) / count,
        "network": "namespace without interfaces"
        if without_network()
        else "not taken away: no namespaces here",
        "rows": rows,
    }


def solves(problem: dict[str, str], line: str) -> bool:
    """Whether the program with `line` in the gap passes the problem's own tests."""
    check = f"\n{problem['test']}\ncheck({problem['entry_point']})\n"
    return passes(problem["prompt"] + line + "\n" + problem["suffix"] + check)
