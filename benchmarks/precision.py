"""What fewer bits a weight cost: the gate that a precision has to pass before anyone is given it.

    python -m benchmarks.precision --corpus DIR [--model DIR] [--tokens N] [--prompts N] [--json FILE]

Perplexity on files of held-out projects, and on how many fill-in-the-middle prompts the first 16 greedy
tokens are those of bf16. The corpus is what training.corpus wrote. A bar that is missed is exit code 1.

A prompt is computed in chunks as in the engine, and the tokens behind it one by one: the native engine has
code of its own for each, and both have to be right. Perplexity is of the tokens behind.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import sys
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from inference.card import Card
from inference.healing import PieceIndex
from inference.model import Chunk, Logits, Model, ModelError, Sequence
from inference.models.load import load
from inference.prompt import Prompt, PromptWriter
from inference.tokenizer import Tokenizer
from training.cursors import KINDS, draw_cursors, held_out_records
from training.jsonl import DataError
from training.outline import outline_of

BASE = "bf16"
PRECISIONS = (BASE, "int8", "int4")
MAX_PERPLEXITY = {"int8": 1.005, "int4": 1.02}
"""Against that of bf16."""
MIN_SAME = {"int8": 0.9}
"""The share of prompts whose first tokens are those of bf16."""
CHUNK = 128
CONTEXT = 128
SCORED = 128
WINDOWS_A_FILE = 4
GREEDY = 16


@dataclass(frozen=True, slots=True)
class Score:
    """One precision. `nll` is the mean of -ln p of the scored tokens; the others are against bf16.

    `perplexity_ratio_error` is one standard error, from the differences window by window; `common` is the
    mean length of the common beginning of the greedy answers.
    """

    precision: str
    weights_mb: float
    nll: float
    perplexity: float
    perplexity_ratio: float
    perplexity_ratio_error: float
    same: float
    common: float

    @property
    def passes(self) -> bool:
        return self.perplexity_ratio <= MAX_PERPLEXITY.get(self.precision, 1.0) and self.same >= MIN_SAME.get(
            self.precision, 0.0
        )


@dataclass(frozen=True, slots=True)
class Measured:
    """What one precision made of the windows and the prompts."""

    nll: list[float]
    """The mean of each window."""
    answers: list[list[int]]
    weights_mb: float


def main(arguments: list[str] | None = None) -> int:
    options = _parse(arguments)
    held_out = options.corpus / "heldout.jsonl"
    try:
        measured = {
            name: measure(*load(options.model, "cpu", "native", name), held_out, options)
            for name in PRECISIONS
        }
    except (DataError, ModelError) as error:
        print(f"precision: {error}", file=sys.stderr)
        return 1
    scores = [score(name, each, measured[BASE]) for name, each in measured.items()]
    print(table(scores))
    if options.json:
        text = json.dumps({"seed": options.seed, "scores": [asdict(each) for each in scores]}, indent=1)
        options.json.write_text(text + "\n", encoding="utf-8")
    return 0 if all(each.passes for each in scores) else 1


def measure(
    model: Model, tokenizer: Tokenizer, card: Card, held_out: Path, options: argparse.Namespace
) -> Measured:
    """The same windows and prompts for every precision. Raises DataError, ModelError."""
    writer = PromptWriter(card, tokenizer, model.context_length)
    index = PieceIndex(tokenizer, card.ends(tokenizer))
    prompts = fim_prompts(writer, held_out, options.prompts, options.seed)
    windows = draw_windows(tokenizer, held_out, options.tokens // SCORED, options.seed)
    return Measured(
        [window_nll(model, window) for window in windows],
        [greedy(model, index, prompt) for prompt in prompts],
        model.memory_bytes / 1e6,
    )


def draw_windows(tokenizer: Tokenizer, held_out: Path, count: int, seed: int) -> list[list[int]]:
    """Windows of CONTEXT + SCORED tokens, from files drawn by seed, no more than a few of each.

    Raises:
        DataError: there are not so many.
    """
    records = held_out_records(held_out, None)
    random.Random(seed).shuffle(records)
    begin, size = tokenizer.control("<|file_sep|>"), CONTEXT + SCORED
    windows: list[list[int]] = []
    for record in records:
        ids = tokenizer.encode(record["text"])
        starts = range(0, len(ids) - size + 1, size)[:WINDOWS_A_FILE]
        windows += [[begin, *ids[at : at + size]] for at in starts]
        if len(windows) >= count:
            return windows[:count]
    raise DataError(f"{held_out}: only {len(windows)} windows of {size} tokens, {count} are asked for")


def fim_prompts(writer: PromptWriter, held_out: Path, count: int, seed: int) -> list[Prompt]:
    """As many of each kind of cursor, in Python. Raises DataError."""
    cursors = [
        cursor
        for number, kind in enumerate(KINDS)
        for cursor in draw_cursors(held_out, (count + number) // len(KINDS), kind, seed)
    ]
    return [writer.write(replace(each.text, outline=outline_of(each.prefix))) for each in cursors]


def window_nll(model: Model, window: list[int]) -> float:
    """The mean of -ln p of the tokens behind the window's first 1 + CONTEXT."""
    context, scored = window[: 1 + CONTEXT], window[1 + CONTEXT :]
    sequence = model.new_sequence()
    logits, total = _read(model, sequence, context), 0.0
    for token in scored:
        total += _log_sum_exp(logits) - float(logits[token])
        logits = _appended(model, sequence, [token])
    return total / len(scored)


def greedy(model: Model, index: PieceIndex, prompt: Prompt) -> list[int]:
    """At most GREEDY tokens, each the likeliest that the text before the cursor allows."""
    sequence, required, tokens = model.new_sequence(), prompt.required, list[int]()
    logits = _read(model, sequence, prompt.token_ids)
    while True:
        allowed = index.agreeing(required, prompt.indented)
        tokens.append(int(allowed[logits[allowed].argmax()]))
        piece = index.pieces[tokens[-1]]
        if not piece or len(tokens) == GREEDY:
            return tokens
        required = required[len(piece) :]
        logits = _appended(model, sequence, tokens[-1:])


def score(precision: str, measured: Measured, base: Measured) -> Score:
    """How it compares with bf16."""
    nll = float(np.mean(measured.nll))
    differences = np.array(measured.nll) - np.array(base.nll)
    ratio = math.exp(differences.mean())
    pairs = list(zip(measured.answers, base.answers, strict=True))
    return Score(
        precision=precision,
        weights_mb=measured.weights_mb,
        nll=nll,
        perplexity=math.exp(nll),
        perplexity_ratio=ratio,
        perplexity_ratio_error=ratio * float(differences.std()) / math.sqrt(len(differences)),
        same=sum(a == b for a, b in pairs) / len(pairs),
        common=sum(_common(a, b) for a, b in pairs) / len(pairs),
    )


def table(scores: Iterable[Score]) -> str:
    """In Markdown."""
    return "\n".join(_rows(scores))


def _rows(scores: Iterable[Score]) -> Iterator[str]:
    yield "| weights | MB | perplexity | against bf16 | bar | same 16 tokens | bar | |"
    yield "|---|---:|---:|---:|---:|---:|---:|---|"
    for each in scores:
        most, least = MAX_PERPLEXITY.get(each.precision), MIN_SAME.get(each.precision)
        yield (
            f"| {each.precision} | {each.weights_mb:.1f} | {each.perplexity:.4f} "
            f"| {100 * (each.perplexity_ratio - 1):+.2f}% ± {100 * each.perplexity_ratio_error:.2f} "
            f"| {f'{100 * (most - 1):+.1f}%' if most else ''} "
            f"| {100 * each.same:.1f}% | {f'{100 * least:.0f}%' if least else ''} "
            f"| {'passes' if each.passes else 'fails'} |"
        )


def _read(model: Model, sequence: Sequence, token_ids: Iterable[int]) -> Logits:
    """The logits behind a prompt, computed in chunks as the engine does."""
    ids = list(token_ids)
    for start in range(0, len(ids), CHUNK):
        logits = _appended(model, sequence, ids[start : start + CHUNK])
    return logits


def _appended(model: Model, sequence: Sequence, token_ids: list[int]) -> Logits:
    (rows,) = model.forward([Chunk(sequence, token_ids)])
    last: Logits = rows[-1]
    return last


def _log_sum_exp(logits: Logits) -> float:
    wide = logits.astype(np.float64)
    most = wide.max()
    return float(most + np.log(np.exp(wide - most).sum()))


def _common(a: list[int], b: list[int]) -> int:
    return next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="benchmarks.precision", description="Compare precisions of weights."
    )
    parser.add_argument("--model", type=Path, default=None, help="a checkpoint; the shipped one if left out")
    parser.add_argument("--corpus", type=Path, required=True, help="folder that training.corpus wrote")
    parser.add_argument("--tokens", type=int, default=25_600, help="scored for the perplexity")
    parser.add_argument("--prompts", type=int, default=200, help="for the greedy tokens")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path, help="every figure")
    options = parser.parse_args(arguments)
    if options.tokens < 2 * SCORED or options.prompts < 2:
        parser.error(f"--tokens must be at least {2 * SCORED} and --prompts 2")
    return options


if __name__ == "__main__":
    sys.exit(main())
