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
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache

import numpy as np
import numpy.typing as npt

from inference.model import Logits
from inference.occurrences import MAX_LENGTH, Occurrences, Surveyor, Unsought
from inference.tokenizer import Tokenizer

LENGTHS = (1, 3, 6, 9, 12, 16, 24, 32)
"""Bytes: an occurrence as long as one of these and shorter than the next has the weight of that place."""

_REMEMBERED = 1 << 13  # first tokens: while a line is typed most are asked for again at every key


@dataclass(frozen=True, slots=True)
class Continuation:
    """The tokens that would go on as the occurrences did, each in a share of them."""

    shares: dict[int, float]
    length: int

    @property
    def place(self) -> int:
        """Index into LENGTHS of the occurrences' length in bytes."""
        return bisect_right(LENGTHS, self.length) - 1


@dataclass(frozen=True, slots=True)
class Copies:
    """What the occurrences expect, as it is mixed into what the model does.

    `tokens` come with these `shares`, `weight` is that of the occurrences against the model. Where the line
    ended after an occurrence (`line_ends`), whether the answer ends (`end`) or goes on with that line end is
    the model's to say.
    """

    tokens: tuple[int, ...]
    shares: tuple[float, ...]
    line_ends: tuple[bool, ...]
    weight: float
    end: int

    @classmethod
    def of(
        cls, found: Continuation, weights: Sequence[float], end: int, pieces: Sequence[bytes]
    ) -> Copies | None:
        """None where occurrences of this length have no weight."""
        weight = weights[found.place] if found.place >= 0 else 0.0
        if weight <= 0:
            return None
        tokens = tuple(found.shares)
        line_ends = tuple(pieces[token].startswith(b"\n") for token in tokens)
        return cls(tokens, tuple(found.shares.values()), line_ends, weight, end)

    def mixed_into(self, logits: Logits) -> Logits:
        """The logarithm of the mixture, (vocab_size,)."""
        by_model: npt.NDArray[np.float64] = logits - logits.max().astype(np.float64)
        by_model -= np.log(np.exp(by_model).sum())
        mixture: npt.NDArray[np.float64] = by_model + np.log1p(-self.weight)
        for token, share, line_end in zip(self.tokens, self.shares, self.line_ends, strict=True):
            copied = {token: share}
            if line_end:
                goes_on = 1 / (1 + np.exp(np.clip(by_model[self.end] - by_model[token], -50, 50)))
                copied = {token: share * goes_on, self.end: share * (1 - goes_on)}
            for index, part in copied.items():
                if part > 0:
                    mixture[index] = np.logaddexp(mixture[index], np.log(self.weight * part))
        return mixture.astype(np.float32)


@dataclass(frozen=True, slots=True)
class CopyContext:
    """The text before a cursor and an answer so far: how the texts around the cursor went on behind it."""

    occurrences: Occurrences
    first_token: Callable[[bytes], int]
    tail: bytes
    """The last MAX_LENGTH bytes."""

    def grown(self, more: bytes) -> CopyContext:
        """The same with `more` of the answer."""
        if not more:
            return self
        return CopyContext(self.occurrences.grown(more), self.first_token, (self.tail + more)[-MAX_LENGTH:])

    def continuation(self, required: bytes) -> Continuation | None:
        """What followed the longest earlier occurrences.

        Args:
            required: the end of the text before the cursor that the next tokens must spell first.
        """
        length, following = self.occurrences.following()
        found: Counter[int] = Counter()
        for text, count in following:
            if not _cut_within(required + text):
                found[self.first_token(required + text)] += count
        total = found.total()
        return Continuation({i: n / total for i, n in found.items()}, length) if total else None


class CopySource:
    """Searches the texts around cursors for their own continuations, as tokens of one tokenizer.

    What is remembered of one workspace's texts is forgotten before those of another are searched: none shall
    learn of another's from the time that its own take.
    """

    __slots__ = ("_first_token", "_salt", "_surveyor")

    def __init__(self, tokenizer: Tokenizer) -> None:
        def first_token(text: bytes) -> int:
            return tokenizer.encode(text.decode("utf-8", "ignore"))[0]

        self._first_token = lru_cache(_REMEMBERED)(first_token)
        self._surveyor = Surveyor()
        self._salt = ""

    def around(self, prefix: str, suffix: str, salt: str = "") -> CopyContext:
        """The context of a cursor between the two, with nothing answered yet; `salt` names the workspace."""
        if salt != self._salt:
            self._salt, self._surveyor = salt, Surveyor()
            self._first_token.cache_clear()
        surveyor = self._surveyor

        @cache
        def seek() -> Occurrences:
            return surveyor.occurrences(_encoded(prefix), _encoded(suffix))

        tail = _encoded(prefix[-2 * MAX_LENGTH :])[-MAX_LENGTH:]  # a line end may be two characters
        return CopyContext(Unsought(seek), self._first_token, tail)


def _cut_within(following: bytes) -> bool:
    """Whether the bytes begin inside of a character, which a token has begun."""
    return following[0] & 0xC0 == 0x80


def _encoded(text: str) -> bytes:
    return text.replace("\r\n", "\n").encode("utf-8", "replace").replace(b"\0", b" ")
