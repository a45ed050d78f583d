"""What the next step computes.

A token of every answer under way, and beside them as much of the prompts as the cost of a step allows, which
is learned (`step_cost.py`): little enough that no answer is held for long, and enough that the newest request
has its first token in time, if that can be. The newest is the one someone is waiting for.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace

from inference.beam import Hypothesis
from inference.generation import Generation
from inference.model import Chunk
from inference.step_cost import StepCost, StepSize

HOLD_MS = 16.0
"""Longer steps for the sake of a prompt hold the answers beside it for more than a frame of the screen."""
STEP_MS = 33.0
"""An abort, or a newer request, waits for no longer step, so neither does a prompt in a hurry make one."""
MIN_CHUNK = 16
"""Tokens of prompts in a step, whatever they cost: none waits for ever."""


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
    def count(self) -> int:
        return self.end - self.start

    @property
    def is_answer(self) -> bool:
        """Whether it is one token, chosen by the step before or left of a prompt that is known."""
        return self.count == 1 and self.is_last

    @property
    def depth(self) -> int:
        """The sum of the tokens' positions."""
        return (self.start + self.end - 1) * self.count // 2

    @property
    def chunk(self) -> Chunk:
        token_ids = self.hypothesis.token_ids[self.start : self.end]
        if not self.is_last:
            return Chunk(self.hypothesis.sequence, token_ids, num_logits=0)
        return Chunk(self.hypothesis.sequence, [*token_ids, *self.draft], num_logits=1 + len(self.draft))


def size_of(batch: list[Part]) -> StepSize:
    answers = sum(part.is_answer for part in batch)
    drafted = sum(len(part.draft) for part in batch)
    depth = sum(part.depth + part.end * len(part.draft) for part in batch)
    return StepSize(sum(part.count for part in batch) - answers, answers + drafted, depth)


class Scheduler:
    """Requests under way, newest first.

    Args:
        cost: what a step takes; whoever computes the steps teaches it.
        max_prompt_tokens: in a step, whatever the cost.
    """

    __slots__ = ("_requests", "cost", "max_prompt_tokens")

    def __init__(self, cost: StepCost, max_prompt_tokens: int) -> None:
        self._requests: deque[Generation] = deque()
        self.cost = cost
        self.max_prompt_tokens = max_prompt_tokens

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

    def plan(self, now: float) -> list[Part]:
        """The next step. `now` in seconds, as the requests' times."""
        parts = [part for generation in self._requests for part in _left(generation)]
        batch = [part for part in parts if part.is_answer]
        prompts = self._in_order([part for part in parts if not part.is_answer], now)
        room = self._room(prompts[0], size_of(batch), now) if prompts else 0
        for part in prompts:
            if count := min(part.count, room):
                batch.append(replace(part, end=part.start + count))
                room -= count
        return batch

    def _in_order(self, prompts: list[Part], now: float) -> list[Part]:
        """Newest first, but those that will be late whatever is done behind those that need not be."""
        return sorted(prompts, key=lambda part: self._needed_ms(part) > _left_ms(part, now))

    def _needed_ms(self, part: Part) -> float:
        """To compute it alone, all at once."""
        return self.cost.milliseconds(StepSize(part.count, 0, part.depth))

    def _room(self, first: Part, answers: StepSize, now: float) -> int:
        """Tokens of prompts in a step beside `answers`, `first` the most urgent of them.

        Where answers alone take longer than the bounds, prompts get as much again: with less, a machine that
        is slow today, or too many clients, would have every prompt wait for all answers. Where an empty step
        does, as a large model's on a CPU, they get three times that, as many small steps would cost more.
        """
        of_answers = self.cost.milliseconds(answers)
        share = (2 if answers.answer_tokens else 4) * of_answers
        hold = max(HOLD_MS if answers.answer_tokens else STEP_MS, share)
        at_most = max(STEP_MS, share)
        fits, most = (self.cost.prompt_tokens(ms, answers, first.start) for ms in (hold, at_most))
        of_prompt = self._needed_ms(first) - self.cost.milliseconds(StepSize())
        num_steps = math.floor((_left_ms(first, now) - of_prompt) / of_answers)
        in_time = -(-first.count // num_steps) if num_steps > 0 else 0
        return min(max(fits, min(in_time, most), MIN_CHUNK), self.max_prompt_tokens)


def _left(generation: Generation) -> Iterator[Part]:
    """All that is to compute before its next tokens can be chosen."""
    for hypothesis in generation.beam.pending() if generation.beam is not None else ():
        yield Part(generation, hypothesis, hypothesis.sequence.length, len(hypothesis.token_ids))


def _left_ms(part: Part, now: float) -> float:
    """Until its request should have its first token."""
    return 1e3 * (part.generation.deadline - now)
