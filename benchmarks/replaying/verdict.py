"""What somebody who knows what they want to write makes of a text on the screen.

The accept policy: a text is accepted, with one key, if it is a beginning of what is still to be typed, ends
behind a word, and saves `least` keys or more. White space at line ends does not count. With brackets that the
editor has closed by itself behind the cursor the document has to come out right too: a completion that writes
them again doubles them, and one that replaces them without writing them loses them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from benchmarks.replaying.stretch import num_keys
from training.evaluation.simulated_typing import accept_words

_ENDS = re.compile(r"[ \t]+$", re.MULTILINE)


class Kind(Enum):
    """EXACT and PREFIX are accepted: all that is missing of its last line, or a part. BEGUN is as true, but
    ends inside a word or saves too little. WRONG is anything else: the user types another text."""

    EXACT = "exact"
    PREFIX = "prefix"
    BEGUN = "begun"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Verdict:
    """`text` is what would be accepted, `saves` the keys that this saves, `wrong` how many characters of it
    are not in what is typed."""

    kind: Kind
    text: str
    saves: int
    wrong: int

    @property
    def accepts(self) -> bool:
        return self.kind in (Kind.EXACT, Kind.PREFIX)


def judge(shown: str, replaced: int, missing: str, closers: Sequence[int], least: int) -> Verdict:
    """`shown` in the place of the `replaced` characters behind the cursor, where `missing` is to be typed.

    `closers` are the places in `missing` of the brackets that stand behind the cursor already.
    """
    text = _ENDS.sub("", shown)
    right = _common(text, missing)
    if right < len(text):
        return Verdict(Kind.WRONG, text, 0, len(text) - right)
    doubled = sum(at < right for at in closers) - replaced
    if doubled:
        return Verdict(Kind.WRONG, text, 0, abs(doubled))
    saves = num_keys(text) - 1
    behind = missing[right : right + 1]
    if saves < least or (_is_word(text[-1:]) and _is_word(behind)):
        return Verdict(Kind.BEGUN, text, 0, 0)
    return Verdict(Kind.EXACT if behind in ("", "\n") else Kind.PREFIX, text, saves, 0)


def words(text: str, missing: str, closers: Sequence[int]) -> tuple[int, int]:
    """Of a text that is not accepted as a whole: the characters of the words at its beginning that are right,
    and the keys that it takes to accept them one by one."""
    end = closers[0] if closers else len(missing)
    return accept_words(text, missing[:end]) if text else (0, 0)


def _common(text: str, other: str) -> int:
    """The length of the beginning that both have."""
    pairs = zip(text, other, strict=False)
    return next((at for at, (a, b) in enumerate(pairs) if a != b), min(len(text), len(other)))


def _is_word(character: str) -> bool:
    return character.isalnum() or character == "_"
