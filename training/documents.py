"""The documents of a corpus, as examples are made of them."""

from __future__ import annotations

import json
import random
import sys
from dataclasses import dataclass
from pathlib import Path

from training.cursors import language_of

TEST_SHARE = 0.4  # of test files: they repeat themselves


@dataclass(frozen=True, slots=True)
class Document:
    """A record of the corpus. `path` is relative to its source."""

    text: str
    path: str = ""
    source: str = ""
    language: str = "python"

    @property
    def name(self) -> str:
        return self.path.rsplit("/", 1)[-1]

    @property
    def folder(self) -> str:
        return self.path.rpartition("/")[0]

    @property
    def is_test(self) -> bool:
        return "test" in self.path.lower()


def read_documents(corpus: Path, split: str, passes: dict[str, float], seed: int) -> list[Document]:
    """A split's documents in an order by `seed`: each as often as its source's `passes` say, tests less."""
    rng = random.Random(seed)
    documents = []
    with (corpus / f"{split}.jsonl").open(encoding="utf-8") as file:
        for line in file:
            record = json.loads(line)
            source, language = sys.intern(record["source"]), sys.intern(language_of(record))
            document = Document(record["text"], record["path"], source, language)
            times = passes.get(source, 1.0) * (TEST_SHARE if document.is_test else 1.0)
            documents += [document] * (int(times) + (rng.random() < times % 1))
    rng.shuffle(documents)
    return documents
