"""Stage 3: rows of fill-in-the-middle examples in the layout the shipped model is asked in.

    python -m training.examples --corpus DIR --tokenizer tokenizer.json --out DIR --tokens 60e6

An example is  <|file_sep|><|fim_suffix|> suffix <|fim_middle|> prefix middle <|endoftext|> : suffix first and
prefix and middle contiguous (the SPM mode of arXiv 2207.14255), so that a keystroke only appends to the
prompt. The cursor is anywhere in a line; as in the engine's token healing, text before it is split at the
last boundary that cannot fall inside a token (before the word, with the white space in front of it), and
the middle starts there. Where the window does not begin with the file, the file's imports and the headers of
the scopes around the cursor may come in front of it. Examples are packed end to end into rows.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing import Pool
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from inference.healing import word_cut
from training.outline import Outline
from training.sources import read_manifest
from training.tokenizer import END_OF_TEXT, FILE_SEP, FIM_MIDDLE, FIM_SUFFIX

ROW = 512
PLAIN_SHARE = 0.04  # of the draws; each is a whole row, so about an eighth of the tokens
PREFIX_TOKENS, SUFFIX_TOKENS = (14, 260), (6, 72)  # log-uniform
OUTLINE_SHARE, OUTLINE_TOKENS = 0.35, (8, 80)
MIDDLE_WEIGHT, END_WEIGHT = 3, 4
MAX_MIDDLE_TOKENS = 160
BYTES_PER_TOKEN = 4.1  # sizes windows before they are encoded
MAX_PASSES = 4
TEST_SHARE = 0.4  # of test files: they repeat themselves


@dataclass(frozen=True, slots=True)
class Span:
    """A middle: text[start:end], in characters."""

    start: int
    end: int


def log_uniform(rng: random.Random, low: int, high: int) -> int:
    return int(math.exp(rng.uniform(math.log(low), math.log(high))))


def draw_span(rng: random.Random, text: str, starts: list[int], line: int) -> Span:
    """A middle that begins in `line`: the rest of it, all of it, a few lines, or any run of characters."""
    begin, stop = starts[line], starts[line + 1] - 1
    content = text[begin:stop]
    first, last = begin + len(content) - len(content.lstrip()), begin + len(content.rstrip())
    kind = rng.random()
    if kind < 0.40:
        start, end = rng.randrange(first, max(first + 1, last - 1)), last
    elif kind < 0.65:
        start, end = (first if rng.random() < 0.8 else begin), last
    elif kind < 0.85:
        until = min(len(starts) - 2, line + rng.choice((1, 2, 2, 3, 4)))
        end = starts[until + 1] - 1
        if end - begin > 600:
            end = stop
        start = first if rng.random() < 0.6 else rng.randrange(first, max(first + 1, stop - 1))
    else:
        start = rng.randrange(first, max(first + 1, stop))
        end = min(len(text), start + rng.randrange(4, 150))
    # Both forms occur at real cursors: the line end is still to be written, or it is there already.
    if kind < 0.85 and rng.random() < 0.25 and end < len(text) and text[end] == "\n":
        end += 1
    return Span(start, end)


class ExampleWriter:
    """Turns documents into (token ids, loss weights), each stretch of text used about once."""

    def __init__(self, tokenizer: Tokenizer, rng: random.Random) -> None:
        self._tokenizer = tokenizer
        self._rng = rng

    def _encode(self, text: str) -> list[int]:
        ids: list[int] = self._tokenizer.encode(text, add_special_tokens=False).ids
        return ids

    def examples(self, text: str) -> Iterator[tuple[list[int], list[int]]]:
        outline = Outline(text)
        starts = outline.starts
        count, line = len(starts) - 1, 0
        while line < count:
            if self._rng.random() < PLAIN_SHARE:
                line, example = self._plain(text, starts, line)
            else:
                line, example = self._infill(text, starts, line, outline)
            if example is not None:
                yield example

    def _plain(
        self, text: str, starts: list[int], line: int
    ) -> tuple[int, tuple[list[int], list[int]] | None]:
        until, count = line, len(starts) - 1
        while until < count and starts[until] - starts[line] < ROW * 3.7:
            until += 1
        chunk = text[starts[line] : starts[until]]
        if len(chunk.strip()) < 40:
            return until, None
        ids = self._encode(chunk)[: ROW - 2]
        if until >= count:
            ids.append(END_OF_TEXT)
        return until, ([FILE_SEP, *ids], [0] + [1] * len(ids))

    def _infill(
        self, text: str, starts: list[int], line: int, outline: Outline
    ) -> tuple[int, tuple[list[int], list[int]] | None]:
        prefix_tokens = log_uniform(self._rng, *PREFIX_TOKENS)
        suffix_tokens = log_uniform(self._rng, *SUFFIX_TOKENS)
        count, at = len(starts) - 1, line
        while at < count - 1 and starts[at] - starts[line] < prefix_tokens * BYTES_PER_TOKEN:
            at += 1
        while at < count and not self._worth_completing(text[starts[at] : starts[at + 1]].strip()):
            at += 1
        if at >= count:
            return count, None
        span = draw_span(self._rng, text, starts, at)
        if span.end <= span.start:
            return at + 1, None
        window = text[starts[line] : span.start]
        boundary = starts[line] + word_cut(window)
        prefix = self._encode(text[starts[line] : boundary])[-prefix_tokens - 20 :]
        middle = self._encode(text[boundary : span.end])
        suffix = self._encode(text[span.end : span.end + suffix_tokens * 6 + 10])[:suffix_tokens]
        front = self._front(outline, line, at)
        size = len(front) + len(prefix) + len(middle) + len(suffix) + 4
        if not middle or len(middle) > MAX_MIDDLE_TOKENS or size > ROW:
            return at + 1, None
        after = span.end + int(len(suffix) * BYTES_PER_TOKEN * 0.8)
        following = at + 1
        while following < count and starts[following] < after:
            following += 1
        if not suffix or not text[span.end :].strip():
            return following, (
                [FILE_SEP, *front, *prefix, *middle, END_OF_TEXT],
                self._weights(1 + len(front), prefix, middle),
            )
        ids = [FILE_SEP, FIM_SUFFIX, *suffix, FIM_MIDDLE, *front, *prefix, *middle, END_OF_TEXT]
        return following, (ids, [0, 0] + [1] * len(suffix) + self._weights(1 + len(front), prefix, middle))

    def _front(self, outline: Outline, window: int, cursor: int) -> list[int]:
        """Tokens of the outline, which are read and not learnt: another example has them in their place."""
        if window == 0 or self._rng.random() > OUTLINE_SHARE:
            return []
        tokens = log_uniform(self._rng, *OUTLINE_TOKENS)
        return self._encode(outline.before(window, cursor, int(tokens * BYTES_PER_TOKEN)))

    def _worth_completing(self, content: str) -> bool:
        return len(content) >= 4 and (not content.startswith("#") or self._rng.random() < 0.1)

    @staticmethod
    def _weights(lead: int, prefix: list[int], middle: list[int]) -> list[int]:
        return [0] * lead + [1] * len(prefix) + [MIDDLE_WEIGHT] * len(middle) + [END_WEIGHT]


def pack(examples: list[tuple[list[int], list[int]]]) -> tuple[NDArray[np.uint16], NDArray[np.uint8]]:
    """Lay examples end to end: (rows, ROW + 1) ids and weights, a row's last token the next one's first."""
    ids = np.fromiter((i for example in examples for i in example[0]), np.uint16)
    weights = np.fromiter((w for example in examples for w in example[1]), np.uint8)
    rows = (len(ids) - 1) // ROW
    if rows <= 0:
        return np.empty((0, ROW + 1), np.uint16), np.empty((0, ROW + 1), np.uint8)
    index = np.arange(rows)[:, None] * ROW + np.arange(ROW + 1)
    return ids[index], weights[index]


def _work(job: tuple[str, int, list[str]]) -> tuple[NDArray[np.uint16], NDArray[np.uint8]]:
    tokenizer_file, seed, documents = job
    rng = random.Random(seed)
    tokenizer = Tokenizer.from_file(tokenizer_file)
    tokenizer.encode_special_tokens = True  # a control token spelled out in a document is text
    writer = ExampleWriter(tokenizer, rng)
    examples = [example for text in documents for example in writer.examples(text)]
    rng.shuffle(examples)
    return pack(examples)


def read_documents(corpus: Path, split: str, passes: dict[str, float], seed: int) -> list[str]:
    """The texts of a split, shuffled by `seed`: each as often as its source's `passes` say, tests less."""
    rng = random.Random(seed)
    texts = []
    with (corpus / f"{split}.jsonl").open(encoding="utf-8") as file:
        for line in file:
            record = json.loads(line)
            share = TEST_SHARE if "test" in record["path"].lower() else 1.0
            times = passes.get(record["source"], 1.0) * share
            texts += [record["text"]] * (int(times) + (rng.random() < times % 1))
    rng.shuffle(texts)
    return texts


def build(
    documents: list[str], tokenizer: Path, split: str, max_tokens: int, seed: int, processes: int
) -> tuple[NDArray[np.uint16], NDArray[np.uint8]]:
    """Rows of `documents` until there are `max_tokens`: a second pass over them draws other cursors."""
    jobs = (
        (str(tokenizer), (seed * 1_003 + times) * 1_000_003 + i, documents[i : i + 150])
        for times in range(MAX_PASSES)
        for i in range(0, len(documents), 150)
    )
    ids, weights, total = [], [], 0
    with Pool(processes) as pool:
        for chunk_ids, chunk_weights in pool.imap(_work, jobs):
            ids.append(chunk_ids)
            weights.append(chunk_weights)
            total += chunk_ids.shape[0] * ROW
            print(f"\r{split}: {total / 1e6:.1f}M tokens", end="", flush=True)
            if total >= max_tokens:
                pool.terminate()
                break
    print()
    order = np.random.default_rng(seed).permutation(sum(map(len, ids)))
    return np.concatenate(ids)[order], np.concatenate(weights)[order]


def main() -> int:
    parser = argparse.ArgumentParser(prog="training.examples", description="Make fill-in-the-middle rows.")
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--tokenizer", type=Path, required=True)
    parser.add_argument("--manifest", type=Path, default=Path(__file__).with_name("corpus.toml"))
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--tokens", type=float, default=60e6, help="stop after about this many")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=2)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    passes = {source.name: source.passes for source in read_manifest(arguments.manifest)}
    for split, limit in (("heldout", 1e6), ("train", arguments.tokens)):
        documents = read_documents(arguments.corpus, split, passes, arguments.seed)
        ids, weights = build(
            documents, arguments.tokenizer, split, int(limit), arguments.seed, arguments.processes
        )
        np.save(arguments.out / f"{split}_ids.npy", ids)
        np.save(arguments.out / f"{split}_weights.npy", weights)
        middle = float((weights == MIDDLE_WEIGHT).mean())
        print(f"{split}: {len(ids)} rows, {ids[:, 1:].size / 1e6:.1f}M tokens, {middle:.1%} of them middles")
    return 0


if __name__ == "__main__":
    sys.exit(main())
