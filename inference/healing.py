"""Token healing: a cursor inside a token is no special case.

A model that saw `return` as one token knows nothing of `ret` followed by `urn`. So the prompt is cut back to
a place where tokens are known to end, and the first tokens generated must reproduce the text that was cut.
The vocabulary lies sorted, so the tokens that go on beyond that text are one slice of it; of those that end
within it only the ones that the tokenizer itself would choose may come: after a line end alone, which to a
model means a blank line, no indentation can follow.
"""

from __future__ import annotations

import string
from bisect import bisect_left
from functools import lru_cache

import numpy as np

from inference.sampler import TokenIds
from inference.tokenizer import Tokenizer

_TAIL = 256
_MAX_CUT = 96
_MAX_WORD = 48
_OPENERS = frozenset(":{([")
_NEXT = ("", *string.ascii_letters, *string.digits, *" _.,:()[]{}'\"=+-*/#\n")


def word_cut(text: str) -> int:
    """Index behind which the trailing word and the blanks before it begin, or a line end and indentation.

    This is where the shipped model's training splits prefix from middle. At most 48 characters of the word
    are cut; a longer one is cut inside.
    """
    tail = text[-_TAIL:]
    word = len(tail)
    while word and len(tail) - word < _MAX_WORD and (tail[word - 1].isalnum() or tail[word - 1] == "_"):
        word -= 1
    blanks = len(tail[:word].rstrip(" \t"))
    return len(text) - len(tail) + blanks - tail[:blanks].endswith("\n")


def is_indented(text: str) -> bool:
    """Whether `text` ends in a blank line's indentation, and that is all the indentation the line is to have.

    Not where the line above opens a block and is indented as much: then the block is yet to be indented.
    """
    line = text[text.rfind("\n") + 1 :]
    if not line or line.strip(" \t"):
        return False
    above = text[: len(text) - len(line)].rstrip()
    above = above[above.rfind("\n") + 1 :]
    return above[-1:] not in _OPENERS or len(above) - len(above.lstrip()) < len(line)


def token_cut(text: str, tokenizer: Tokenizer) -> int:
    """Index that no token will cross, whatever is typed next: the `word_cut` and all of the pre-token there.

    An ending such as `foo(` gives up its `(`, which may become `(self`. For models trained on whole files,
    where text before and behind a cursor was tokenised as one. At most 96 characters are cut; where that is
    not enough, the `word_cut` stands.
    """
    tail = text[-_TAIL:]
    start = word_cut(tail)
    word = max((s for s in tokenizer.word_starts(tail) if s <= start and s < len(tail)), default=0)
    cut = word if len(tail) - word <= _MAX_CUT else start
    return len(text) - len(tail) + cut


class PieceIndex:
    """Which tokens may come first where some text is required.

    `pieces` are the tokenizer's, but b"" for every end.

    Args:
        tokenizer: encodes the required text.
        ends: ids that end a completion: control tokens, and tokens that count as none of the text.
            They are allowed wherever nothing is required.
        vocab_size: of the model, which may have more tokens; the tokenizer's if None.

    `anything` are all tokens that are text or an end, `forbidden` all others of the model.
    """

    __slots__ = ("_encode", "_ids", "_sorted", "agreeing", "anything", "forbidden", "pieces")

    def __init__(self, tokenizer: Tokenizer, ends: frozenset[int], vocab_size: int | None = None) -> None:
        pieces = [b"" if i in ends else piece for i, piece in enumerate(tokenizer.pieces)]
        order = sorted((piece, index) for index, piece in enumerate(pieces) if piece)
        self._encode = tokenizer.encode
        self.pieces = pieces
        self._sorted = [piece for piece, _ in order]
        self._ids: TokenIds = np.array([index for _, index in order], dtype=np.int64)
        self.anything: TokenIds = np.sort(np.concatenate([self._ids, np.array(sorted(ends), dtype=np.int64)]))
        every = np.arange(vocab_size or tokenizer.vocab_size)
        self.forbidden: TokenIds = np.setdiff1d(every, self.anything, assume_unique=True)
        # The same cursor is asked about again and again while its line is typed.
        self.agreeing = lru_cache(maxsize=256)(self._agreeing)

    def _agreeing(self, required: bytes, indented: bool = False) -> TokenIds:
        """Tokens that begin with `required`, and those that begin its encoding; everything when it is empty.

        Where the cursor's line is `indented` no blank may follow, if that leaves any token.
        Never empty for a vocabulary that holds every byte.
        """
        if not required:
            return self.anything
        if indented:
            allowed: TokenIds = self.agreeing(required)
            deeper = [self.pieces[i].startswith((required + b" ", required + b"\t")) for i in allowed]
            return allowed if all(deeper) else allowed[~np.array(deeper)]
        low = bisect_left(self._sorted, required)
        high = bisect_left(self._sorted, _after(required)) if _after(required) else len(self._sorted)
        within = self._chosen(required)
        if not within and low == high:
            within = self._beginnings(required)
        return np.concatenate([self._ids[low:high], np.array(within, dtype=np.int64)])

    def _chosen(self, required: bytes) -> list[int]:
        """Tokens shorter than `required` that its encoding begins with, for some next character."""
        try:
            text = required.decode()
        except UnicodeDecodeError:  # the tokens so far end inside a character
            return []
        first = {ids[0] for after in _NEXT if (ids := self._encode(text + after))}
        pieces = {i: self.pieces[i] for i in sorted(first)}
        return [
            i for i, piece in pieces.items() if piece and piece != required and required.startswith(piece)
        ]

    def _beginnings(self, required: bytes) -> list[int]:
        """Every token that `required` goes on from."""
        found = []
        for length in range(1, len(required)):
            at = bisect_left(self._sorted, required[:length])
            if at < len(self._sorted) and self._sorted[at] == required[:length]:
                found.append(int(self._ids[at]))
        return found


def _after(prefix: bytes) -> bytes:
    """The least byte string greater than everything that begins with `prefix`; b"" when there is none."""
    stripped = prefix.rstrip(b"\xff")
    return stripped[:-1] + bytes([stripped[-1] + 1]) if stripped else b""
