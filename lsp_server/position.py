"""Positions as the protocol counts them, against offsets as Python counts them.

An *offset* is an index into a document's `str`: one code point is one step. A *position* is a line and a
number of code units in the encoding that client and server agreed on. Lone surrogates are ordinary code
points here: JSON can deliver them, so nothing may raise on one.
"""

from dataclasses import dataclass
from typing import Literal

Encoding = Literal["utf-8", "utf-16", "utf-32"]


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A place between two characters: zero-based line, zero-based count of code units in that line.

    Raises ValueError for a negative number; too large ones are clamped where a document resolves them.
    """

    line: int
    character: int

    def __post_init__(self) -> None:
        if self.line < 0 or self.character < 0:
            raise ValueError(
                f"a position has no negative parts: line {self.line}, character {self.character}"
            )


def units(text: str, encoding: Encoding) -> int:
    """The length of `text` in code units of `encoding`."""
    if encoding == "utf-32" or text.isascii():
        return len(text)
    if encoding == "utf-16":
        return len(text.encode("utf-16-le", "surrogatepass")) // 2
    return len(text.encode("utf-8", "surrogatepass"))


def code_points(text: str, count: int, encoding: Encoding) -> tuple[int, int]:
    """How many code points of `text` lie in its first `count` code units, and how many units are left over.

    The rest is not zero only where `count` ends inside a character. A count beyond the text is clamped to it.
    """
    if encoding == "utf-32" or text.isascii():
        return min(count, len(text)), 0
    if encoding == "utf-16":
        head = text.encode("utf-16-le", "surrogatepass")[: 2 * count]
        split = len(head) >= 2 and 0xD8 <= head[-1] <= 0xDB
        whole = len(head.decode("utf-16-le", "surrogatepass"))
        # The last unit is a high surrogate: either a lone one, which is a character, or half of a pair.
        if split and ord(text[whole - 1]) > 0xFFFF:
            return whole - 1, 1
        return whole, 0
    data = text.encode("utf-8", "surrogatepass")
    end = min(count, len(data))
    start = end
    while 0 < start < len(data) and data[start] & 0xC0 == 0x80:
        start -= 1
    return len(data[:start].decode("utf-8", "surrogatepass")), end - start


def joined(text: str) -> str:
    """`text` with each high surrogate that is followed by a low one made the one character that they encode.

    Idempotent, so that any concatenation of strings can be normalised to what a UTF-16 editor holds.
    """
    if text.isascii():
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
