"""What stands in for a model in the tests of the measures."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest

from inference.prompt import PromptText
from training.evaluation.completer import Answer

Reply = Callable[[str, str, int], str]


class Told:
    """Answers a line by a function of prefix, suffix and seed, and notes (prefix, temperature, seed)."""

    def __init__(self, reply: Reply, confidence: float = 1.0) -> None:
        self._reply, self._confidence = reply, confidence
        self.asked: list[tuple[str, float, int]] = []

    def line(self, text: PromptText, *, temperature: float = 0.0, seed: int = 0) -> Answer:
        self.asked.append((text.prefix, temperature, seed))
        return Answer(self._reply(text.prefix, text.suffix, seed), "stop", 2, 2 * math.log(self._confidence))


@pytest.fixture
def told() -> type[Told]:
    return Told
