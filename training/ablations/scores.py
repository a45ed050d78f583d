"""What every arm is measured by, through the engine that ships."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from inference.engine import Engine
from inference.models.load import load
from training.ablations.setting import Setting
from training.cursors import Cursor, draw_cursors, edit_similarity
from training.evaluation.best_of import best_of
from training.evaluation.completer import Completer, LineCompleter
from training.evaluation.infilling import read_problems

TEMPERATURE = 0.4


@contextmanager
def completer(weights: Path) -> Iterator[Completer]:
    """The engine with the checkpoint in `weights`. It runs on fewer threads than training, which has its own
    back afterwards."""
    threads = torch.get_num_threads()
    try:
        yield Completer(Engine(*load(weights, "cpu")))
    finally:
        torch.set_num_threads(threads)


def cursors(setting: Setting, seed: int) -> list[Cursor]:
    """Inside lines of Python, in held-out projects."""
    return draw_cursors(setting.corpus / "heldout.jsonl", setting.cursors, "rest of line", seed)


def rest_of_line(answer: Callable[[Cursor], str], cursors: list[Cursor]) -> tuple[float, float]:
    """Exact match and edit similarity over at least one cursor, up to trailing blanks."""
    answers = [answer(cursor).rstrip() for cursor in cursors]
    exact = sum(a == cursor.truth for a, cursor in zip(answers, cursors, strict=True))
    similar = sum(edit_similarity(a, cursor.truth) for a, cursor in zip(answers, cursors, strict=True))
    return exact / len(cursors), similar / len(cursors)


def human_eval(setting: Setting, seed: int, asked: LineCompleter, count: int) -> float | None:
    """pass@1 of the first of `count` candidates that compiles, on problems drawn by `seed`; None without the
    benchmark."""
    if setting.humaneval is None:
        return None
    problems = read_problems(setting.humaneval, None)
    chosen = random.Random(seed).sample(problems, min(setting.problems, len(problems)))
    return float(best_of(asked, chosen, count=count, temperature=TEMPERATURE)["pass"])
