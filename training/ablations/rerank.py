"""Claim: the first of a few candidates that `compile()` takes is better than the greedy one.

Nothing is trained, and the compute is not equal: candidates are what it costs. `asked` says how many, the
operations are those for the held-out cursors.
"""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path

from inference.models.config import Qwen3MoeConfig
from inference.prompt import PromptText
from training.ablations.arm import Arm, Claim, Result
from training.ablations.compute import forward_flops
from training.ablations.scores import TEMPERATURE, completer, cursors, human_eval, rest_of_line
from training.ablations.setting import Setting
from training.cursors import Cursor
from training.evaluation.best_of import gated
from training.evaluation.completer import Answer, LineCompleter

CANDIDATES = 4


class Counted:
    """Completes lines as another does, and counts what that cost."""

    def __init__(self, completer: LineCompleter) -> None:
        self._completer = completer
        self.asked = self.tokens = 0

    def line(self, text: PromptText, *, temperature: float = 0.0, seed: int = 0) -> Answer:
        answer = self._completer.line(text, temperature=temperature, seed=seed)
        self.asked += 1
        self.tokens += answer.read + answer.tokens
        return answer


def _asked(count: int, setting: Setting, seed: int, folder: Path) -> Result:
    began = time.monotonic()
    with completer(setting.begin_with) as engine:
        counted = Counted(engine)

        def answer(cursor: Cursor) -> str:
            return gated(counted, cursor.prefix, cursor.suffix, count=count, temperature=TEMPERATURE)[0]

        exact, similarity = rest_of_line(answer, cursors(setting, seed))
        asked, tokens = counted.asked / setting.cursors, counted.tokens
        solved = human_eval(setting, seed, engine, count)
    config = Qwen3MoeConfig.from_file(setting.begin_with / "config.json")
    return Result(
        tokens=0,
        flops=forward_flops(config, tokens),
        exact=exact,
        similarity=similarity,
        humaneval=solved,
        seconds=time.monotonic() - began,
        notes={"asked": asked},
    )


CLAIM = Claim(
    "rerank",
    Arm("greedy", partial(_asked, 1)),
    Arm(f"best of {CANDIDATES}", partial(_asked, CANDIDATES)),
)
