"""Keeps the text of public benchmarks out of the training data."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterable
from pathlib import Path

GRAM = 10
_WORDS = re.compile(r"\w+")


class BenchmarkFilter:
    """Matches a text that shares `GRAM` consecutive words with any benchmark problem."""

    def __init__(self, problems: Iterable[str]) -> None:
        self._grams: set[tuple[str, ...]] = set()
        for problem in problems:
            words = _WORDS.findall(problem)
            self._grams.update(zip(*(words[i:] for i in range(GRAM)), strict=False))
        self._heads = {gram[:4] for gram in self._grams}

    @classmethod
    def from_files(cls, paths: Iterable[Path]) -> BenchmarkFilter:
        """Read JSON lines, plain or gzipped; prompt, solution and suffix of a problem count as one text."""
        problems = []
        for path in paths:
            with (
                gzip.open(path, "rt", encoding="utf-8")
                if path.suffix == ".gz"
                else path.open(encoding="utf-8") as file
            ):
                for line in file:
                    problem = json.loads(line)
                    parts = (
                        problem.get(key) for key in ("prompt", "canonical_solution", "suffix", "text", "code")
                    )
                    problems.append("".join(part for part in parts if isinstance(part, str)))
        return cls(problems)

    def matches(self, text: str) -> bool:
        words = _WORDS.findall(text)
        # Four words first, tested in C: that alone clears nearly every file.
        if self._heads.isdisjoint(zip(words, words[1:], words[2:], words[3:], strict=False)):
            return False
        return not self._grams.isdisjoint(zip(*(words[i:] for i in range(GRAM)), strict=False))
