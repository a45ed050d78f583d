"""Stage 3: rows of fill-in-the-middle examples in the layout the shipped model is asked in.

    python -m training.examples --corpus DIR --tokenizer tokenizer.json --out DIR --tokens 60e6

An example is suffix first, prefix and middle contiguous (the SPM mode of arXiv 2207.14255), so that a
keystroke only appends to the prompt:

    <|file_sep|>NAME⏎<|fim_suffix|>SUFFIX<|fim_middle|>OUTLINE PREFIX MIDDLE<|endoftext|>
    <|file_sep|>NAME⏎OUTLINE PREFIX MIDDLE<|endoftext|>                       when nothing follows
    <|file_sep|>NAME⏎SNIPPET … and one of the two                             with parts of other files

NAME is the file's, now and then left out. The cursor is anywhere in a line; as in the engine's token healing,
text before it is split at the last boundary that cannot fall inside a token (before the word, with the white
space in front of it), and the middle starts there. Where the window does not begin with the file, a Python
file's imports and the headers of the scopes around the cursor may come in front of it. Some rows are plain
text. Examples are packed end to end into rows.
"""

from __future__ import annotations

import argparse
import gc
import math
import random
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from inference.healing import word_cut
from training.documents import Document, read_documents
from training.languages import comment_markers
from training.neighbours import Neighbours, Place
from training.outline import Outline, line_starts
from training.row_format import END_WEIGHT, MIDDLE_WEIGHT, ROW
from training.sources import read_manifest
from training.spans import draw_span
from training.syntax import Syntax
from training.tokenizer import END_OF_TEXT, FILE_SEP, FIM_MIDDLE, FIM_SUFFIX

PLAIN_SHARE = 0.04  # of the draws; each is a whole row, so about an eighth of the tokens
PREFIX_TOKENS, SUFFIX_TOKENS = (14, 260), (6, 72)  # log-uniform
OUTLINE_SHARE, OUTLINE_TOKENS = 0.35, (8, 80)
NAME_SHARE, NAME_TOKENS = 0.7, 16
NO_IMPORTS_SHARE = 0.1  # of Python: what to import has to be learnt where it is not to be seen
MAX_MIDDLE_TOKENS = 160
BYTES_PER_TOKEN = 4.1  # sizes windows before they are encoded
MAX_PASSES = 4
DOCUMENTS_A_JOB = 150
SNIPPETS_SHARE = 0.2  # of the examples of documents whose source has others
SECOND_SNIPPET_SHARE, SNIPPET_TOKENS, NEAR_CHARACTERS = 0.3, (20, 110), 600


@dataclass(frozen=True, slots=True)
class Example:
    """Tokens and their weights in the loss; `kind` is the span's, or "plain". The middle is text[start:end]
    of the document."""

    ids: list[int]
    weights: list[int]
    kind: str
    start: int = 0
    end: int = 0


def log_uniform(rng: random.Random, low: int, high: int) -> int:
    return int(math.exp(rng.uniform(math.log(low), math.log(high))))


class ExampleWriter:
    """Turns documents into examples, each stretch of text used about once."""

    def __init__(
        self,
        tokenizer: Tokenizer,
        rng: random.Random,
        neighbours: Neighbours | None = None,
        snippets: float = SNIPPETS_SHARE,
        row: int = ROW,
    ) -> None:
        self._tokenizer = tokenizer
        self._rng = rng
        self._neighbours = neighbours
        self._snippets_share = snippets
        self._row = row

    def examples(self, document: Document) -> Iterator[Example]:
        page = _Page(document)
        line = 0
        while line < page.count:
            draw = self._plain if self._rng.random() < PLAIN_SHARE else self._infill
            line, example = draw(page, line)
            if example is not None:
                yield example

    def _plain(self, page: _Page, line: int) -> tuple[int, Example | None]:
        text, starts, until = page.text, page.starts, line
        while until < page.count and starts[until] - starts[line] < self._row * 3.7:
            until += 1
        chunk = text[starts[line] : starts[until]]
        if len(chunk.strip()) < 40:
            return until, None
        lead = [FILE_SEP, *self._name(page.name)]
        ids = self._encode(chunk)
        if until >= page.count:
            ids.append(END_OF_TEXT)
        ids = ids[: self._row - len(lead)]
        return until, Example([*lead, *ids], [0] * len(lead) + [1] * len(ids), "plain")

    def _infill(self, page: _Page, line: int) -> tuple[int, Example | None]:
        """An example whose window begins with `line`, and the line behind all that it shows."""
        rng, text, starts, count = self._rng, page.text, page.starts, page.count
        prefix_tokens = log_uniform(rng, *PREFIX_TOKENS)
        suffix_tokens = log_uniform(rng, *SUFFIX_TOKENS)
        room, left, at = prefix_tokens * BYTES_PER_TOKEN, starts[count] - starts[line], line
        if room > left:  # short files and the ends of long ones have cursors too
            room = rng.random() * left
        while at < count - 1 and starts[at] - starts[line] < room:
            at += 1
        while at < count and not self._worth_completing(text[starts[at] : starts[at + 1]].strip(), page):
            at += 1
        if at >= count:
            return count, None
        span = draw_span(rng, text, starts, at, page.syntax)
        if span.end <= span.start:
            return at + 1, None
        boundary = starts[line] + word_cut(text[starts[line] : span.start])
        imports = page.outline is None or rng.random() >= NO_IMPORTS_SHARE
        front = self._front(page.outline, line, at, imports) if page.outline else []
        window = text[starts[line] : boundary]
        if page.outline and not imports:
            window = page.outline.without_imports(line, boundary)
        prefix = self._encode(window)[-prefix_tokens - 20 :]
        middle = self._encode(text[boundary : span.end])
        suffix = self._encode(text[span.end : span.end + suffix_tokens * 6 + 10])[:suffix_tokens]
        name = self._name(page.name)
        size = len(name) + len(front) + len(prefix) + len(middle) + len(suffix) + 4
        if not middle or len(middle) > MAX_MIDDLE_TOKENS or size > self._row:
            return at + 1, None
        after = span.end + int(len(suffix) * BYTES_PER_TOKEN * 0.8)
        following = at + 1
        while following < count and starts[following] < after:
            following += 1
        near = text[boundary : span.end], text[max(0, boundary - NEAR_CHARACTERS) : boundary]
        ids, weights = self._snippets(page.document, near, self._row - size)
        ids += [FILE_SEP, *name]
        weights += [0] * (1 + len(name))
        if suffix and text[span.end :].strip():
            ids += [FIM_SUFFIX, *suffix, FIM_MIDDLE]
            weights += [0] + [1] * len(suffix) + [0]
        ids += [*front, *prefix, *middle, END_OF_TEXT]
        weights += [0] * len(front) + [1] * len(prefix) + [MIDDLE_WEIGHT] * len(middle) + [END_WEIGHT]
        return following, Example(ids, weights, span.kind, boundary, span.end)

    def _name(self, name: str) -> list[int]:
        """Tokens of a file's name and a line end, now and then none. They are read and not learnt."""
        if self._rng.random() >= NAME_SHARE:
            return []
        ids = self._encode(name + "\n")
        return ids if len(ids) <= NAME_TOKENS else []

    def _snippets(self, document: Document, near: tuple[str, str], room: int) -> tuple[list[int], list[int]]:
        """Tokens and weights of what other files say of the names in `near`, at most `room`; mostly none."""
        ids: list[int] = []
        weights: list[int] = []
        if self._neighbours is None or self._rng.random() >= self._snippets_share:
            return ids, weights
        seen: set[Place] = set()
        for _ in range(2 if self._rng.random() < SECOND_SNIPPET_SHARE else 1):
            place = self._neighbours.draw(self._rng, document, near)
            if place is None or place in seen:
                continue
            seen.add(place)
            tokens = log_uniform(self._rng, *SNIPPET_TOKENS)
            body = self._encode(place.document.text[place.start :][: tokens * 6])[:tokens]
            lead = [FILE_SEP, *self._name(place.document.name)]
            if len(ids) + len(lead) + len(body) <= room:
                ids += [*lead, *body]
                weights += [0] * len(lead) + [1] * len(body)
        return ids, weights

    def _front(self, outline: Outline, window: int, cursor: int, imports: bool) -> list[int]:
        """Tokens of the outline, which are read and not learnt: another example has them in their place."""
        if window == 0 or self._rng.random() > OUTLINE_SHARE:
            return []
        tokens = log_uniform(self._rng, *OUTLINE_TOKENS)
        return self._encode(outline.before(window, cursor, int(tokens * BYTES_PER_TOKEN), imports))

    def _worth_completing(self, content: str, page: _Page) -> bool:
        return len(content) >= 4 and (not content.startswith(page.comments) or self._rng.random() < 0.1)

    def _encode(self, text: str) -> list[int]:
        ids: list[int] = self._tokenizer.encode(text, add_special_tokens=False).ids
        return ids


class _Page:
    """A document, its lines and its structure."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.text = document.text
        self.name = document.name
        self.comments = comment_markers(document.language)
        self.outline = Outline(self.text) if document.language == "python" else None
        self.starts = self.outline.starts if self.outline else line_starts(self.text)
        self.count = len(self.starts) - 1
        self.syntax = Syntax(self.text, document.language)


def pack(examples: list[Example], row: int = ROW) -> tuple[NDArray[np.uint16], NDArray[np.uint8]]:
    """Lay examples end to end: (rows, row + 1) ids and weights, a row's last token the next one's first."""
    ids = np.fromiter((i for example in examples for i in example.ids), np.uint16)
    weights = np.fromiter((w for example in examples for w in example.weights), np.uint8)
    rows = (len(ids) - 1) // row
    if rows <= 0:
        return np.empty((0, row + 1), np.uint16), np.empty((0, row + 1), np.uint8)
    index = np.arange(rows)[:, None] * row + np.arange(row + 1)
    return ids[index], weights[index]


@dataclass(frozen=True, slots=True)
class Rows:
    """Packed examples, and of how many tokens they are by kind of span and by language."""

    ids: NDArray[np.uint16]
    weights: NDArray[np.uint8]
    examples: Counter[str]
    tokens: Counter[str]


@dataclass(frozen=True, slots=True)
class Task:
    """What the workers share. It reaches them by fork, so that it is in memory once."""

    documents: list[Document]
    tokenizer: Path
    row: int = ROW
    snippets: float = SNIPPETS_SHARE
    neighbours: Neighbours | None = None


class _Worker:
    """The task of this process, which a pool has no other place for."""

    task: Task

    @classmethod
    def begin(cls, task: Task) -> None:
        cls.task = task

    @classmethod
    def work(cls, job: tuple[int, int]) -> Rows:
        """Rows of the documents from a number on, by a seed."""
        seed, first = job
        task, rng = cls.task, random.Random(seed)
        tokenizer = Tokenizer.from_file(str(task.tokenizer))
        tokenizer.encode_special_tokens = True  # a control token spelled out in a document is text
        writer = ExampleWriter(tokenizer, rng, task.neighbours, task.snippets, task.row)
        examples: list[Example] = []
        tokens: Counter[str] = Counter()
        for document in task.documents[first : first + DOCUMENTS_A_JOB]:
            made = list(writer.examples(document))
            tokens[document.language] += sum(len(example.ids) for example in made)
            examples += made
        rng.shuffle(examples)
        return Rows(*pack(examples, task.row), Counter(example.kind for example in examples), tokens)


def build(task: Task, split: str, max_tokens: int, seed: int, processes: int) -> Rows:
    """Rows of documents until there are `max_tokens`: a second pass over them draws other cursors."""
    jobs = (
        ((seed * 1_003 + times) * 1_000_003 + first, first)
        for times in range(MAX_PASSES)
        for first in range(0, len(task.documents), DOCUMENTS_A_JOB)
    )
    ids, weights, total = [], [], 0
    examples: Counter[str] = Counter()
    tokens: Counter[str] = Counter()
    gc.freeze()  # a collection in a worker would write to, and so copy, all that is shared
    with get_context("fork").Pool(processes, _Worker.begin, (task,)) as pool:
        for rows in pool.imap(_Worker.work, jobs):
            ids.append(rows.ids)
            weights.append(rows.weights)
            examples += rows.examples
            tokens += rows.tokens
            total += rows.ids.shape[0] * task.row
            print(f"\r{split}: {total / 1e6:.1f}M tokens", end="", flush=True)
            if total >= max_tokens:
                pool.terminate()
                break
    gc.unfreeze()
    print()
    order = np.random.default_rng(seed).permutation(sum(map(len, ids)))
    return Rows(np.concatenate(ids)[order], np.concatenate(weights)[order], examples, tokens)


def shares(counts: Counter[str]) -> str:
    """A line for each key, the most frequent first."""
    total = max(1, counts.total())
    return "\n".join(f"  {key:14}{count / total:7.1%}" for key, count in counts.most_common())


def main() -> int:
    parser = argparse.ArgumentParser(prog="training.examples", description="Make fill-in-the-middle rows.")
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--tokenizer", type=Path, required=True)
    parser.add_argument("--manifest", type=Path, default=Path(__file__).with_name("corpus.toml"))
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--tokens", type=float, default=60e6, help="stop after about this many")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--row", type=int, default=ROW, help="tokens a row")
    parser.add_argument(
        "--snippets", type=float, default=SNIPPETS_SHARE, help="share of examples with parts of other files"
    )
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    passes = {source.name: source.passes for source in read_manifest(arguments.manifest)}
    for split, limit in (("heldout", 1e6), ("train", arguments.tokens)):
        documents = read_documents(arguments.corpus, split, passes, arguments.seed)
        neighbours = Neighbours(documents) if arguments.snippets else None
        task = Task(documents, arguments.tokenizer, arguments.row, arguments.snippets, neighbours)
        rows = build(task, split, int(limit), arguments.seed, arguments.processes)
        np.save(arguments.out / f"{split}_ids.npy", rows.ids)
        np.save(arguments.out / f"{split}_weights.npy", rows.weights)
        middle = float((rows.weights == MIDDLE_WEIGHT).mean())
        count = rows.ids[:, 1:].size
        print(f"{split}: {len(rows.ids)} rows, {count / 1e6:.1f}M tokens, {middle:.1%} of them middles")
        print(f" examples by kind of middle\n{shares(rows.examples)}")
        print(f" tokens by language\n{shares(rows.tokens)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
