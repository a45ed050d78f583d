"""How long steps take, measured for many mixtures, and a model that is as slow."""

import random
import time
from collections.abc import Sequence as Ids
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from inference.card import Card
from inference.model import Chunk, Logits, Model, Pool, Sequence, check_chunks
from inference.tokenizer import Tokenizer

PROMPTS = (0, 1, 4, 8, 16, 32, 64, 128, 256)
ANSWERS = (0, 1, 3, 6, 12, 24, 48)
_DEPTH = 300
_REPEATS = 5
_SPREAD = 0.2
_LETTERS = 20
_END = 1 / 16


@dataclass(frozen=True, slots=True)
class Grid:
    """milliseconds[p][a] of a step with prompts[p] tokens of prompts and answers[a] of answers, 300 deep."""

    prompts: Ids[int]
    answers: Ids[int]
    milliseconds: Ids[Ids[float]]

    def cost(self, prompt_tokens: int, answer_tokens: int) -> float:
        """Milliseconds, linear between what was measured and beyond it."""
        columns = [_line(self.answers, row, answer_tokens) for row in self.milliseconds]
        return max(_line(self.prompts, columns, prompt_tokens), 0.0)


def _line(places: Ids[int], values: Ids[float], at: int) -> float:
    upper = next((i for i, place in enumerate(places) if place >= at and i > 0), len(places) - 1)
    low, high = places[upper - 1], places[upper]
    share = (at - low) / (high - low)
    return (1 - share) * values[upper - 1] + share * values[upper]


def measured(model: Model) -> Grid:
    """The fastest of a few steps each: what they cost when nothing else runs."""
    pool = model.new_pool(1 << 30)
    known = pool.new_sequence()
    ids = np.random.default_rng(0).integers(10, model.vocab_size, _DEPTH + PROMPTS[-1]).tolist()
    model.forward([Chunk(known, ids[:_DEPTH], num_logits=0)])
    cells = [(p, a) for p in PROMPTS for a in ANSWERS if p + a]
    times: dict[tuple[int, int], list[float]] = {cell: [] for cell in cells}
    draw = random.Random(0)
    for _ in range(_REPEATS):
        draw.shuffle(cells)
        for prompt, answers in cells:
            for _ in range(_REPEATS if prompt + answers < 32 else 1):
                chunks = [Chunk(known.fork(_DEPTH - 1 - i % 99), [5]) for i in range(answers)]
                if prompt:
                    chunks.append(Chunk(known.fork(_DEPTH // 3), ids[:prompt]))
                started = time.perf_counter()
                model.forward(chunks)
                times[prompt, answers].append(1e3 * (time.perf_counter() - started))
    rows = [[min(times.get((p, a), [0.0])) for a in ANSWERS] for p in PROMPTS]
    return Grid(PROMPTS, ANSWERS, rows)


class Clock(Protocol):
    """Seconds that a model can let pass."""

    now: float


class _Told:
    """A sequence that remembers its tokens. Memory is not what is measured here: its pool is never full."""

    def __init__(self, tokens: list[int]) -> None:
        self.tokens = tokens
        self.pages: Ids[int] = ()

    @property
    def length(self) -> int:
        return len(self.tokens)

    def truncate(self, length: int) -> None:
        del self.tokens[length:]

    def fork(self, length: int) -> "_Told":
        return _Told(self.tokens[:length])


class _Room:
    num_pages = num_free = 1 << 20
    page_tokens = 32

    def new_sequence(self) -> Sequence:
        return _Told([])


class PacedModel:
    """Says letters, and ends after sixteen or so; lets as much time pass on `clock` as `grid` says, give or
    take a fifth."""

    max_exact_tokens = 1

    def __init__(self, like: Model, tokenizer: Tokenizer, card: Card, grid: Grid, clock: Clock) -> None:
        self.name, self.device = f"{like.name}, paced", like.device
        self.vocab_size, self.context_length = like.vocab_size, like.context_length
        self.memory_bytes = like.memory_bytes
        self._letters = [tokenizer.encode(letter)[0] for letter in "abcdefghijklmnopqrst"]
        self._end = card.stop_ids[0]
        self._grid, self._clock = grid, clock
        self._draw = random.Random(0)

    def new_pool(self, max_bytes: int) -> Pool:
        return _Room()

    def new_sequence(self) -> Sequence:
        return _Told([])

    def forward(self, chunks: Ids[Chunk]) -> list[Logits]:
        """See `inference.model.Model.forward`."""
        check_chunks(chunks, self.vocab_size, self.context_length)
        answers = sum(len(chunk.token_ids) == 1 for chunk in chunks)
        prompts = sum(len(chunk.token_ids) for chunk in chunks) - answers
        noise = self._draw.lognormvariate(0, _SPREAD)
        self._clock.now += 1e-3 * self._grid.cost(prompts, answers) * noise
        return [self._logits(chunk) for chunk in chunks]

    def _logits(self, chunk: Chunk) -> Logits:
        assert isinstance(chunk.sequence, _Told)
        chunk.sequence.tokens += chunk.token_ids
        logits = np.zeros((chunk.num_logits, self.vocab_size), dtype=np.float32)
        draw = random.Random(hash(tuple(chunk.sequence.tokens[-20:])))
        wish = self._end if draw.random() < _END else draw.choice(self._letters)
        logits[:, wish] = 20.0
        return logits
