"""One contender of a comparison."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Timed:
    """Greedy tokens behind a prompt. `token_ms` is of each after the first, which comes with the prompt."""

    tokens: list[int]
    prompt_ms: float
    token_ms: float


class Side(Protocol):
    """An engine with a model loaded."""

    @property
    def name(self) -> str: ...

    def run(self, prompt: Sequence[int], count: int, fresh: bool) -> Timed:
        """Write `count` tokens behind a prompt of token ids, greedily, none of them a control token.

        Args:
            fresh: compute the whole prompt. Else what the side has of it from the run before may be used.
        """
        ...
