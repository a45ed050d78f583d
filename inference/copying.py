"""Copying: what followed the text before the cursor where it stood before, mixed into what the model expects.

Code repeats itself, and a small model is worse at noticing than a search is. The mixture
p = (1 - w) p_model + w p_copy weighs by how long the earlier occurrence is, as in cache models of language
(Kuhn and De Mori 1990; arXiv 1612.04426). The weights are fitted on held-out text
(`training/copy_weights.py`) and stand in the model's card. The search is over bytes and not tokens: where
tokens span words, the same text falls into other tokens wherever a cursor cuts it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
import numpy.typing as npt

from inference.model import Logits
from inference.tokenizer import Tokenizer

LENGTHS = (1, 3, 6, 9, 12, 16, 24, 32)
"""Bytes: an occurrence as long as one of these and shorter than the next has the weight of that place."""

MAX_LENGTH = 64
"""Longer occurrences are not told apart."""

MAX_OCCURRENCES = 16
_CONTINUATION = 48
_NOWHERE = 0  # stands where the cursor is; source code has no NUL


@dataclass(frozen=True, slots=True)
class Continuation:
    """The tokens that would go on as the occurrences did, each in a share of them."""

    shares: dict[int, float]
    length: int

    @property
    def place(self) -> int:
        """Index into LENGTHS of the occurrences' length in bytes."""
        return bisect_right(LENGTHS, self.length) - 1


class CopySource:
    """The text around a cursor, searched for its own continuations."""

    __slots__ = ("_before", "_data", "_encode")

    def __init__(self, prefix: str, suffix: str, tokenizer: Tokenizer) -> None:
        self._before = _encoded(prefix)
        self._data = self._before + bytes([_NOWHERE]) + _encoded(suffix) + bytes([_NOWHERE])
        self._encode = tokenizer.encode

    def after(self, generated: bytes, required: bytes) -> Continuation | None:
        """What followed the longest earlier occurrences of the text before the cursor and `generated`.

        Args:
            generated: the answer so far.
            required: the end of the text before the cursor that the next tokens must spell first.
        """
        context = (self._before[-MAX_LENGTH:] + generated)[-MAX_LENGTH:]
        length, ends = self._occurrences(context)
        behind = (self._data[end : end + _CONTINUATION].split(b"\0", 1)[0] for end in ends)
        found: Counter[int] = Counter()
        for following, count in Counter(behind).items():
            if not _cut_within(required + following):
                found[self._encode((required + following).decode("utf-8", "ignore"))[0]] += count
        total = found.total()
        return Continuation({i: n / total for i, n in found.items()}, length) if total else None

    def _occurrences(self, context: bytes) -> tuple[int, list[int]]:
        """The length of the longest end of `context` that occurs with something behind it, and where its last
        occurrences end, at most MAX_OCCURRENCES."""
        # Whatever occurs, its own ends occur too: the length can be found by halving.
        low, high = 0, len(context)
        while low < high:
            middle = (low + high + 1) // 2
            if next(self._ends(context[-middle:]), None) is None:
                high = middle - 1
            else:
                low = middle
        return low, list(islice(self._ends(context[-low:]), MAX_OCCURRENCES)) if low else []

    def _ends(self, text: bytes) -> Iterator[int]:
        """Where `text` ends, last occurrence first, if something stands behind it."""
        at = self._data.rfind(text)
        while at >= 0:
            end = at + len(text)
            if self._data[end] != _NOWHERE:
                yield end
            at = self._data.rfind(text, 0, end - 1)


def mixed(
    logits: Logits, found: Continuation, weights: Sequence[float], end: int, pieces: Sequence[bytes]
) -> Logits:
    """The logarithm of the mixture of what the model and the occurrences expect, (vocab_size,).

    Where the line ended after an occurrence, whether the answer ends (`end`) or goes on with that line end is
    the model's to say.
    """
    weight = weights[found.place] if found.place >= 0 else 0.0
    if weight <= 0:
        return logits
    by_model: npt.NDArray[np.float64] = logits - logits.max().astype(np.float64)
    by_model -= np.log(np.exp(by_model).sum())
    mixture: npt.NDArray[np.float64] = by_model + np.log1p(-weight)
    for token, share in found.shares.items():
        copied = {token: share}
        if pieces[token].startswith(b"\n"):
            goes_on = 1 / (1 + np.exp(np.clip(by_model[end] - by_model[token], -50, 50)))
            copied = {token: share * goes_on, end: share * (1 - goes_on)}
        for index, part in copied.items():
            mixture[index] = np.logaddexp(mixture[index], np.log(weight * part))
    return mixture.astype(np.float32)


def _cut_within(following: bytes) -> bool:
    """Whether the bytes begin inside of a character, which a token has begun."""
    return following[0] & 0xC0 == 0x80


def _encoded(text: str) -> bytes:
    return text.replace("\r\n", "\n").encode("utf-8", "replace").replace(b"\0", b" ")
