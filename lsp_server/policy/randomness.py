"""Whether a value looks drawn by lot, as keys are, and not written by somebody."""

from __future__ import annotations

import math
import re
from collections import Counter
from itertools import pairwise

# What a program puts in later: `{name}`, `<name>`, `$name`, `%(name)s`.
_HOLES = re.compile(r"\{[^{}]*\}|<[^<>]*>|\$\w+|%\(\w+\)s|%[sdr]")
# Words and short numbers, as in names, paths and addresses: `my-app/prod-01`, `oauth2`.
_BETWEEN = re.compile(r"[-_./:,;=&?@#+]+")
_WORD = re.compile(
    r"(?:[A-Za-z]?[a-z]{0,20}|[A-Z]{0,20})[0-9]{0,4}|[A-Za-z][a-z]{2,20}[0-9]{1,2}[a-z]{3,20}"
    r"|[a-z]{0,20}(?:[A-Z][a-z]{2,20}){1,6}[0-9]{0,4}"
)
_MAX_LOOKED_AT = 512
_MIN_LENGTH = 8


def is_random(value: str, is_quoted: bool = True) -> bool:
    """Whether a value that a name of secrets is given is one.

    Beside its entropy, by how often its kind of character changes, from a to B to 3: at every other place
    where
    characters are drawn by lot, seldom in words. What is not quoted may be a name of the program's own, and
    has to look more so. Words alone, as `correct-horse-battery-staple`, are not told from text.
    """
    value = _HOLES.sub("", value[:_MAX_LOOKED_AT])
    if len(value) < (_MIN_LENGTH if is_quoted else 12) or any(char.isspace() for char in value):
        return False
    if entropy(value) < 2.75 or all(_WORD.fullmatch(piece) for piece in _BETWEEN.split(value)):
        return False
    kinds = [_kind(char) for char in value]
    changes = sum(a != b for a, b in pairwise(kinds)) / (len(kinds) - 1)
    digits = kinds.count("digit")
    if not is_quoted:
        return changes >= 0.3 and digits >= 3 and digits < len(kinds)
    return changes >= 0.4 or (changes >= 0.1 and 0 < digits < len(kinds))


def is_dense(value: str) -> bool:
    """Whether a long run of letters and digits is base64: almost all of 6 bits a character are used."""
    kinds = {_kind(char) for char in value}
    return {"upper", "lower", "digit"} <= kinds and entropy(value[:_MAX_LOOKED_AT]) >= 4.6


def entropy(value: str) -> float:
    """Shannon's, in bits a character; at most log2 of the length."""
    counts = Counter(value)
    return -sum(n / len(value) * math.log2(n / len(value)) for n in counts.values())


def _kind(char: str) -> str:
    if char.isdigit():
        return "digit"
    if char.isalpha():
        return "upper" if char.isupper() else "lower"
    return "other"
