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
from collections.abc import Sequence
from dataclasses import dataclass

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

    __slots__ = ("_before", "_bytes", "_data", "_encode")

    def __init__(self, prefix: str, suffix: str, tokenizer: Tokenizer) -> None:
        self._before = _encoded(prefix)
        self._data = self._before + bytes([_NOWHERE]) + _encoded(suffix) + bytes([_NOWHERE])
        self._bytes = np.frombuffer(self._data, dtype=np.uint8)
        self._encode = tokenizer.encode

    def after(self, generated: bytes, required: bytes) -> Continuation | None:
        """What followed the longest earlier occurrences of the text before the cursor and `generated`.

        Args:
            generated: the answer so far.
            required: the end of the text before the cursor that the next tokens must spell first.
        """
        context = (self._before[-MAX_LENGTH:] + generated)[-MAX_LENGTH:]
        length, ends = self._occurrences(context)
        found: Counter[int] = Counter()
        for end in ends:
            following = required + self._data[end + 1 : end + 1 + _CONTINUATION].split(b"\0", 1)[0]
            if not _cut_within(following):
                found[self._encode(following.decode("utf-8", "ignore"))[0]] += 1
        total = found.total()
        return Continuation({i: n / total for i, n in found.items()}, length) if total else None

    def _occurrences(self, context: bytes) -> tuple[int, list[int]]:
        """The length of the longest end of `context` that occurs with something behind it, and the last
        bytes of its occurrences, at most MAX_OCCURRENCES."""
        if not context:
            return 0, []
        data = self._bytes
        ends = np.flatnonzero(data[:-1] == context[-1])
        ends = ends[data[ends + 1] != _NOWHERE]
        if not len(ends):
            return 0, []
        length = 1
        while length < len(context):
            longer = ends[ends >= length]
            longer = longer[data[longer - length] == context[-1 - length]]
            if not len(longer):
                break
            ends, length = longer, length + 1
        return length, ends[-MAX_OCCURRENCES:].tolist()


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
    scores = logits.astype(np.float64)
    chances: npt.NDArray[np.float64] = np.exp(scores - scores.max())
    chances /= chances.sum()
    mixture = (1 - weight) * chances
    for token, share in found.shares.items():
        kept = 1.0
        if pieces[token].startswith(b"\n"):
            either = chances[end] + chances[token]
            kept = chances[token] / either if either > 0 else 0.0
            mixture[end] += weight * share * (1 - kept)
        mixture[token] += weight * share * kept
    return np.log(np.maximum(mixture, 1e-30)).astype(np.float32)


def _cut_within(following: bytes) -> bool:
    """Whether the bytes begin inside of a character, which a token has begun."""
    return following[0] & 0xC0 == 0x80


def _encoded(text: str) -> bytes:
    return text.replace("\r\n", "\n").encode("utf-8", "replace").replace(b"\0", b" ")
