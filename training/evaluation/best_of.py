"""Best of a few by gate: the first candidate line that leaves a program which compiles.

Nothing is run to choose: `compile()` is all that an editor could afford between two keys.
"""

from __future__ import annotations

import warnings
from typing import Any

from inference.prompt import PromptText
from training.evaluation.completer import LineCompleter
from training.evaluation.infilling import solves
from training.evaluation.progress import Progress


def compiles(program: str) -> bool:
    """Whether Python's compiler takes `program`, which is not run."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an odd comparison or escape compiles all the same
            compile(program, "candidate", "exec", dont_inherit=True)
    except (SyntaxError, ValueError, OverflowError, RecursionError, MemoryError):
        return False
    return True


def gated(
    completer: LineCompleter, prefix: str, suffix: str, *, count: int, temperature: float
) -> tuple[str, int, bool]:
    """The first of `count` candidates that compiles, how many were asked for, and whether one did; the first
    candidate if none does.

    The greedy answer goes first, then samples at `temperature` with the seeds 1, 2, …
    """
    first, text = "", PromptText(prefix, suffix, language="python")
    for number in range(count):
        line = completer.line(text, temperature=temperature if number else 0.0, seed=number).text
        if compiles(f"{prefix}{line}{suffix}"):
            return line, number + 1, True
        if number == 0:
            first = line
    return first, count, False


def best_of(
    completer: LineCompleter, problems: list[dict[str, str]], *, count: int, temperature: float
) -> dict[str, Any]:
    """pass@1 of the gated answer to at least one HumanEval-Infilling problem, and how often the gate chose.

    The cursor stands on a line of its own, as in an editor.
    """
    progress = Progress(f"HumanEval-Infilling, best of {count}", len(problems))
    rows: list[dict[str, Any]] = []
    for number, problem in enumerate(problems, 1):
        suffix = "\n" + problem["suffix"]
        line, asked, compiled = gated(
            completer, problem["prompt"], suffix, count=count, temperature=temperature
        )
        rows.append(
            {
                "task_id": problem["task_id"],
                "model": line,
                "asked": asked,
                "compiles": compiled,
                "pass": compiled and solves(problem, line),
            }
        )
        progress(number)
    return {
        "count": count,
        "temperature": temperature,
        "pass": sum(row["pass"] for row in rows) / len(rows),
        "compiles": sum(row["compiles"] for row in rows) / len(rows),
        "greedy_compiles": sum(row["compiles"] and row["asked"] == 1 for row in rows) / len(rows),
        "asked": sum(row["asked"] for row in rows) / len(rows),
        "rows": rows,
    }
