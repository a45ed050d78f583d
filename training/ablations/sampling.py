"""Samples middles from a model and keeps what compiles and, where doctests tell, passes."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from itertools import islice
from pathlib import Path

from tokenizers import Tokenizer

from inference.prompt import PromptText
from training.ablations.gaps import Gap, passes_doctests
from training.evaluation.best_of import compiles
from training.evaluation.completer import LineCompleter
from training.examples import Example
from training.row_format import END_WEIGHT, MIDDLE_WEIGHT
from training.tokenizer import END_OF_TEXT

SAMPLES, TEMPERATURE = 4, 0.8
_SAVE_EVERY = 10


@dataclass(slots=True)
class Samples:
    """What was kept of the first `gaps`, and what it cost: `read` and `written` tokens of the model."""

    gaps: int = 0
    tested: int = 0
    asked: int = 0
    read: int = 0
    written: int = 0
    kept: list[tuple[list[int], list[int]]] = field(default_factory=list)  # ids and weights

    def examples(self) -> list[Example]:
        return [Example(ids, weights, "sampled") for ids, weights in self.kept]

    def save(self, path: Path) -> None:
        partial = path.with_name(path.name + ".part")
        partial.write_text(json.dumps(asdict(self)), encoding="utf-8")
        partial.rename(path)

    @classmethod
    def load(cls, path: Path) -> Samples:
        """Those in a file; none without one."""
        return cls(**json.loads(path.read_text(encoding="utf-8"))) if path.exists() else cls()


def example_of(gap: Gap, answer: str, tokenizer: Tokenizer) -> tuple[list[int], list[int]]:
    """Ids and weights of a gap's example with `answer` for its middle."""
    middle = tokenizer.encode(gap.lead + answer, add_special_tokens=False).ids
    return (
        [*gap.prompt, *middle, END_OF_TEXT],
        [*gap.prompt_weights, *[MIDDLE_WEIGHT] * len(middle), END_WEIGHT],
    )


def sample(samples: Samples, gap: Gap, completer: LineCompleter, tokenizer: Tokenizer, seed: int) -> None:
    """Add what is kept of a gap. Of equal answers one is; of blank ones and such as were broken off none."""
    tested = gap.tested()
    answers: dict[str, None] = {}
    prompt = PromptText(gap.prefix, gap.suffix, gap.path, "python")
    for number in range(SAMPLES):
        answer = completer.line(prompt, temperature=TEMPERATURE, seed=seed * SAMPLES + number)
        samples.asked += 1
        samples.read += answer.read
        samples.written += answer.tokens
        if answer.text.strip() and answer.stop_reason != "length":
            answers[answer.text.rstrip()] = None
    for text in answers:
        program = gap.program(text)
        if compiles(program) and (not tested or passes_doctests(program)):
            samples.kept.append(example_of(gap, text, tokenizer))
    samples.gaps += 1
    samples.tested += tested


def sample_all(
    path: Path, gaps: Iterable[Gap], count: int, completer: LineCompleter, tokenizer: Tokenizer, seed: int
) -> Samples:
    """Of the first `count` gaps; those that `path` has are not asked for again."""
    samples = Samples.load(path)
    for gap in islice(gaps, samples.gaps, count):
        sample(samples, gap, completer, tokenizer, seed * 1_000_003 + samples.gaps)
        if samples.gaps % _SAVE_EVERY == 0:
            samples.save(path)
            print(
                f"\r{samples.gaps}/{count} gaps, {samples.tested} with doctests that tell, "
                f"{len(samples.kept)} of {samples.asked} samples kept",
                end="", flush=True,
            )  # fmt: skip
    print()
    samples.save(path)
    return samples


def mixed(samples: list[Example], ordinary: list[Example], tokens: int, rng: random.Random) -> list[Example]:
    """Examples of `tokens` tokens in a random order: the samples, twice at most and no more than half of it,
    and ordinary ones."""
    chosen: list[Example] = []
    left = tokens / 2
    for example in [*rng.sample(samples, len(samples)), *rng.sample(samples, len(samples))]:
        if len(example.ids) <= left:
            chosen.append(example)
            left -= len(example.ids)
    size = sum(len(example.ids) for example in chosen)
    for example in ordinary:
        if size >= tokens:
            break
        chosen.append(example)
        size += len(example.ids)
    rng.shuffle(chosen)
    return chosen
