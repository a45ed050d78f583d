"""Token healing: a cursor inside a token is no special case.

A model that saw `return` as one token knows nothing of `ret` followed by `urn`. So the prompt is cut back to
a place where tokens are known to end, and the first tokens generated must reproduce the text that was cut.
The vocabulary lies sorted, so the tokens that do are one slice of it plus at most one token a byte.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Sequence

import numpy as np

from inference.sampler import TokenIds
from inference.tokenizer import Tokenizer

_TAIL = 256
_MAX_CUT = 96
_UNFINISHED = re.compile(r"(?:\n[ \t]*|[ \t]+)?\w{0,48}\Z")


def safe_cut(text: str, tokenizer: Tokenizer) -> int:
    """Index into `text` such that, whatever is typed next, no token will cross it.

    What is cut: the trailing word, the blanks before it, and all of the pre-token those began in; an ending
    such as `foo(` gives up its `(`, which may become `(self`. At most 96 characters are cut; a longer
    unbroken run is cut inside.
    """
    tail = text[-_TAIL:]
    match = _UNFINISHED.search(tail)
    start = match.start() if match else len(tail)
    starts = tokenizer.word_starts(tail)
    word = max((s for s in starts if s <= start and s < len(tail)), default=0)
    cut = word if len(tail) - word <= _MAX_CUT else start
    return len(text) - len(tail) + cut


class PieceIndex:
    """Which tokens agree with a given beginning.

    Args:
        pieces: bytes of every token, b"" for those that are not text.
        ends: control tokens; allowed wherever nothing has to be reproduced.
    """

    __slots__ = ("_by_piece", "_ids", "_sorted", "anything")

    def __init__(self, pieces: Sequence[bytes], ends: Sequence[int]) -> None:
        order = sorted((piece, index) for index, piece in enumerate(pieces) if piece)
        self._sorted = [piece for piece, _ in order]
        self._ids: TokenIds = np.array([index for _, index in order], dtype=np.int64)
        self._by_piece = dict(order)
        self.anything: TokenIds = np.sort(np.concatenate([self._ids, np.array(ends, dtype=np.int64)]))

    def agreeing(self, required: bytes) -> TokenIds:
        """Tokens that begin with `required`, or that `required` begins with; everything when it is empty.

        Never empty for a vocabulary that holds every byte.
        """
        if not required:
            return self.anything
        low = bisect_left(self._sorted, required)
        high = bisect_left(self._sorted, _after(required)) if _after(required) else len(self._sorted)
        shorter = [self._by_piece.get(required[:length]) for length in range(1, len(required))]
        return np.concatenate(
            [self._ids[low:high], np.array([i for i in shorter if i is not None], dtype=np.int64)]
        )


def _after(prefix: bytes) -> bytes:
    """The least byte string greater than everything that begins with `prefix`; b"" when there is none."""
    stripped = prefix.rstrip(b"\xff")
    return stripped[:-1] + bytes([stripped[-1] + 1]) if stripped else b""
