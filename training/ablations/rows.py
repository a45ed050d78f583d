"""Training rows of an arm: which examples, in which order, with which weights."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from training.ablations.setting import Setting
from training.documents import Document, read_documents
from training.examples import Example, ExampleWriter, pack
from training.jsonl import DataError
from training.row_format import ROW
from training.sources import read_manifest

HELD_OUT_SEED = 1
Packed = tuple[NDArray[np.uint16], NDArray[np.uint8]]
AnyWeights = NDArray[np.uint8] | NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Drawn:
    """An example and the document it is of."""

    example: Example
    document: Document


def tokenizer_of(setting: Setting) -> Tokenizer:
    tokenizer = Tokenizer.from_file(str(setting.tokenizer))
    tokenizer.encode_special_tokens = True  # a control token spelled out in a document is text
    return tokenizer


@lru_cache(maxsize=1)
def training_documents(corpus: Path, manifest: Path, seed: int) -> list[Document]:
    """Those of the training split in an order by `seed`."""
    passes = {source.name: source.passes for source in read_manifest(manifest)}
    return read_documents(corpus, "train", passes, seed)


@lru_cache(maxsize=1)
def draw(setting: Setting, seed: int) -> tuple[Drawn, ...]:
    """Examples of training documents, without snippets of others, enough for a run of `setting.tokens`.

    Raises:
        DataError: the corpus is too small.
    """
    writer = ExampleWriter(tokenizer_of(setting), random.Random(seed))
    wanted = setting.tokens + 2 * ROW
    drawn: list[Drawn] = []
    tokens = 0
    for document in training_documents(setting.corpus, setting.manifest, seed):
        made = [Drawn(example, document) for example in writer.examples(document)]
        tokens += sum(len(one.example.ids) for one in made)
        drawn += made
        if tokens >= wanted:
            print(f"seed {seed}: {len(drawn)} examples, {tokens / 1e6:.2f}M tokens", flush=True)
            return tuple(drawn)
    raise DataError(f"{setting.corpus}: examples of {tokens} tokens, not {wanted}: give fewer --tokens")


def shuffled(drawn: Sequence[Drawn], seed: int) -> list[Example]:
    """The examples as all arms but a curriculum's see them."""
    order = np.random.default_rng(seed).permutation(len(drawn))
    return [drawn[number].example for number in order]


@lru_cache(maxsize=1)
def held_out_rows(setting: Setting) -> Packed:
    """The same for every arm and seed."""
    documents = read_documents(setting.corpus, "heldout", {}, HELD_OUT_SEED)
    writer = ExampleWriter(tokenizer_of(setting), random.Random(HELD_OUT_SEED))
    examples: list[Example] = []
    tokens = 0
    for document in documents:
        made = list(writer.examples(document))
        tokens += sum(len(example.ids) for example in made)
        examples += made
        if tokens >= setting.held_out_tokens:
            break
    random.Random(HELD_OUT_SEED).shuffle(examples)
    return pack(examples)


def prepared(setting: Setting, folder: Path, make: Callable[[Path], None]) -> Path:
    """`folder` with held-out rows and what `make` writes, all of it or nothing; made once."""
    if not folder.exists():
        partial = folder.with_name(folder.name + ".part")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        ids, weights = held_out_rows(setting)
        np.save(partial / "heldout_ids.npy", ids)
        np.save(partial / "heldout_weights.npy", weights)
        make(partial)
        partial.rename(folder)
    return folder


def write_rows(folder: Path, ids: NDArray[np.uint16], weights: AnyWeights) -> None:
    """Training rows, (rows, ROW + 1) each, seen in this order in the first pass over them."""
    np.save(folder / "train_ids.npy", ids)
    np.save(folder / "train_weights.npy", weights)
