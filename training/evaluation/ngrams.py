"""A floor for completed lines: an interpolated n-gram model over the tokens of a file, and of training files.

Estimates are Witten and Bell's (1991) interpolation, method C: p_k(w | h) = (c(h w) + T(h) p_{k-1}(w)) /
(c(h) + T(h)) with T(h) the number of different tokens seen behind h. The file's model and the training
files' are mixed as in "On the Localness of Software" (Tu, Su, Devanbu 2014): the file counts the more the
more often it has seen the context. Decoding takes the likeliest token until the line ends; a word that the
cursor cuts is finished by tokens that begin with it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

ORDER = 6
"""Tokens of an n-gram: five of context and the one behind them."""

MAX_LINE_TOKENS = 60
_LEXER = re.compile(r"\n[ \t]*| ?\w+| ?[^\w\s]|\s")
_UNFINISHED = re.compile(r" ?\w+| ")
_FACTOR = np.uint64(0x9E3779B97F4A7C15)
_START = np.uint64(0x2545F4914F6CDD1D)


def lex(text: str) -> list[str]:
    """Words and punctuation, each with the blank before it; a line end with the indentation behind it.
    Joined they are the text."""
    return _LEXER.findall(text)


class Vocabulary:
    """Numbers for tokens, in the order in which they were first seen."""

    __slots__ = ("_ids", "tokens")

    def __init__(self) -> None:
        self._ids: dict[str, int] = {}
        self.tokens: list[str] = []

    def ids(self, tokens: Iterable[str]) -> npt.NDArray[np.int64]:
        """Ids (len(tokens),); a token not seen before gets the next one."""
        found = []
        for token in tokens:
            index = self._ids.setdefault(token, len(self.tokens))
            if index == len(self.tokens):
                self.tokens.append(token)
            found.append(index)
        return np.array(found, dtype=np.int64)

    def beginning_with(self, text: str) -> npt.NDArray[np.int64]:
        """Ids of the tokens that begin with `text`."""
        return np.array([i for i, token in enumerate(self.tokens) if token.startswith(text)], dtype=np.int64)


@dataclass(frozen=True, slots=True)
class _Table:
    """Everything seen behind contexts of one length: sorted by the context's hash, then by token."""

    contexts: npt.NDArray[np.uint64]
    tokens: npt.NDArray[np.int64]
    counts: npt.NDArray[np.int64]


class Counts:
    """How often each token follows each context of 0 to ORDER - 1 tokens.

    Args:
        runs: ids of stretches of text, (n,) each; no n-gram spans two of them.
    """

    __slots__ = ("_tables",)

    def __init__(self, runs: Sequence[npt.NDArray[np.int64]]) -> None:
        self._tables = [self._table(runs, length) for length in range(ORDER)]

    @staticmethod
    def _table(runs: Sequence[npt.NDArray[np.int64]], length: int) -> _Table:
        contexts = np.concatenate([np.empty(0, np.uint64), *(_hashes(run, length) for run in runs)])
        tokens = np.concatenate([np.empty(0, np.int64), *(run[length:] for run in runs)])
        order = np.lexsort((tokens, contexts))
        contexts, tokens = contexts[order], tokens[order]
        new = np.ones(len(tokens), dtype=bool)
        new[1:] = (contexts[1:] != contexts[:-1]) | (tokens[1:] != tokens[:-1])
        starts = np.flatnonzero(new)
        return _Table(contexts[starts], tokens[starts], np.diff(np.append(starts, len(tokens))))

    def after(self, context: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Tokens seen behind the whole of `context` (at most ORDER - 1 ids), and how often each."""
        table = self._tables[len(context)]
        key = _hashes(np.append(context, 0), len(context))[0]
        low, high = (
            np.searchsorted(table.contexts, key, "left"),
            np.searchsorted(table.contexts, key, "right"),
        )
        return table.tokens[low:high], table.counts[low:high]

    def known(self, context: npt.NDArray[np.int64]) -> int:
        """How often the longest end of `context` that was seen at all was seen; 0 for the empty one."""
        for length in range(min(len(context), ORDER - 1), 0, -1):
            total = int(self.after(context[len(context) - length :])[1].sum())
            if total:
                return total
        return 0

    def continuations(self, context: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Every token seen behind any end of `context` but the empty one."""
        longest = min(len(context), ORDER - 1)
        found = [self.after(context[len(context) - length :])[0] for length in range(1, longest + 1)]
        return np.unique(np.concatenate([np.empty(0, np.int64), *found]))

    def probabilities(
        self, context: npt.NDArray[np.int64], candidates: npt.NDArray[np.int64], vocabulary: int
    ) -> npt.NDArray[np.float64]:
        """p(candidate | context), (len(candidates),); `candidates` are sorted."""
        values = np.full(len(candidates), 1 / max(1, vocabulary))
        for length in range(min(len(context), ORDER - 1) + 1):
            tokens, counts = self.after(context[len(context) - length :])
            if not len(tokens):
                break
            seen = np.zeros(len(candidates))
            at = np.minimum(np.searchsorted(tokens, candidates), len(tokens) - 1)
            hit = tokens[at] == candidates
            seen[hit] = counts[at[hit]]
            values = (seen + len(tokens) * values) / (counts.sum() + len(tokens))
        return values


class LineNgrams:
    """Completes lines from the file around the cursor, and from `training` texts if there are any."""

    __slots__ = ("_training", "_vocabulary")

    def __init__(self, training: Iterable[str] = ()) -> None:
        self._vocabulary = Vocabulary()
        runs = [self._vocabulary.ids(lex(text)) for text in training]
        self._training = Counts(runs) if runs else None

    def line(self, prefix: str, suffix: str) -> str:
        """The rest of the line at the cursor, without its line end."""
        before = lex(prefix)
        required = ""
        if before and _UNFINISHED.fullmatch(before[-1]):
            required = before.pop()
        context, behind = self._vocabulary.ids(before), self._vocabulary.ids(lex(suffix))
        file = Counts([context, behind])
        text, start = "", required
        for _ in range(MAX_LINE_TOKENS):
            best = self._likeliest(file, context[-(ORDER - 1) :], start)
            if best is None or self._vocabulary.tokens[best].startswith("\n"):
                break
            text, start = text + self._vocabulary.tokens[best], ""
            context = np.append(context, best)
        return text[len(required) :]

    def _likeliest(self, file: Counts, context: npt.NDArray[np.int64], start: str) -> int | None:
        models = [file] if self._training is None else [file, self._training]
        candidates = np.unique(np.concatenate([model.continuations(context) for model in models]))
        if start:
            allowed = self._vocabulary.beginning_with(start)
            among = np.intersect1d(candidates, allowed)
            candidates = among if len(among) else allowed
        if not len(candidates):
            return None
        size = len(self._vocabulary.tokens)
        values = file.probabilities(context, candidates, size)
        if self._training is not None:
            seen = file.known(context)
            share = seen / (seen + 1)
            values = share * values + (1 - share) * self._training.probabilities(context, candidates, size)
        return int(candidates[values.argmax()])


def _hashes(ids: npt.NDArray[np.int64], length: int) -> npt.NDArray[np.uint64]:
    """Of the `length` tokens before each position from `length` on, (max(0, n - length),)."""
    count = max(0, len(ids) - length)
    values = np.full(count, _START)
    for offset in range(length):
        values = (values ^ ids[offset : offset + count].astype(np.uint64)) * _FACTOR
        values ^= values >> np.uint64(29)
    return values
