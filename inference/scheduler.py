"""What the next step computes."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from inference.beam import Hypothesis
from inference.generation import Generation


@dataclass(frozen=True, slots=True)
class Part:
    """The next tokens of one hypothesis: some of its prompt, or the one token that it added. `is_last` if
    nothing is left to compute then before another token is chosen."""

    generation: Generation
    hypothesis: Hypothesis
    token_ids: list[int]
    is_last: bool

    @classmethod
    def of(cls, generation: Generation, hypothesis: Hypothesis, count: int) -> Part:
        start, end = hypothesis.sequence.length, hypothesis.sequence.length + count
        token_ids = hypothesis.token_ids
        return cls(generation, hypothesis, token_ids[start:end], end >= len(token_ids))


class Scheduler:
    """Requests under way, newest first."""

    __slots__ = ("_requests",)

    def __init__(self) -> None:
        self._requests: deque[Generation] = deque()

    def __len__(self) -> int:
        return len(self._requests)

    def __iter__(self) -> Iterator[Generation]:
        return iter(self._requests)

    def admit(self, generation: Generation) -> None:
        self._requests.appendleft(generation)

    def remove(self, generation: Generation) -> None:
        self._requests.remove(generation)

    def find(self, key: int) -> Generation | None:
        return next((each for each in self._requests if each.request.key == key), None)

    def of_document(self, document: str) -> Generation | None:
        """The request that a newer one of this document supersedes; "" names none."""
        return next((each for each in self._requests if document and each.request.document == document), None)

    def waiting(self) -> Generation | None:
        """The newest request that has not begun."""
        return next((each for each in self._requests if each.beam is None), None)

    def plan(self, max_prompt_tokens: int) -> list[Part]:
        """The next step: a token of every hypothesis that has one to compute, and as much of the prompts,
        newest first, as `max_prompt_tokens` allows."""
        batch: list[Part] = []
        for generation in self._requests:
            for hypothesis in generation.beam.pending() if generation.beam is not None else ():
                count = len(hypothesis.token_ids) - hypothesis.sequence.length
                if count > 1:
                    count = min(count, max_prompt_tokens)
                    max_prompt_tokens -= count
                if count:
                    batch.append(Part.of(generation, hypothesis, count))
        return batch
