"""What the next step computes."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from inference.beam import Hypothesis
from inference.generation import Generation
from inference.model import Chunk


@dataclass(frozen=True, slots=True)
class Part:
    """The tokens [start, end) of one hypothesis: some of its prompt, or the one that it added; and behind its
    last a draft of what may follow."""

    generation: Generation
    hypothesis: Hypothesis
    start: int
    end: int
    draft: tuple[int, ...] = ()

    @property
    def is_next(self) -> bool:
        """Whether they are still to be computed, and all before them are."""
        return self.hypothesis.sequence.length == self.start

    @property
    def is_last(self) -> bool:
        """Whether nothing is left to compute then before another token is chosen."""
        return self.end == len(self.hypothesis.token_ids)

    @property
    def chunk(self) -> Chunk:
        token_ids = self.hypothesis.token_ids[self.start : self.end]
        if not self.is_last:
            return Chunk(self.hypothesis.sequence, token_ids, num_logits=0)
        return Chunk(self.hypothesis.sequence, [*token_ids, *self.draft], num_logits=1 + len(self.draft))


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
                start = hypothesis.sequence.length
                count = len(hypothesis.token_ids) - start
                if count > 1:
                    count = min(count, max_prompt_tokens)
                    max_prompt_tokens -= count
                if count:
                    batch.append(Part(generation, hypothesis, start, start + count))
        return batch
