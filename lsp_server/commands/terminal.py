"""Writing for a person or for a pipe: colour on a terminal alone, and nothing that could move its cursor."""

import os
import unicodedata
from typing import TextIO

DIM, RED, GREEN, YELLOW = "2", "31", "32", "33"


def has_colour(stream: TextIO) -> bool:
    """Whether `stream` is a terminal that wants colour (https://no-color.org)."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def painted(text: str, colour: str, stream: TextIO) -> str:
    """`text` in a colour where `stream` shows colour, else as it is."""
    return f"\x1b[{colour}m{text}\x1b[0m" if text and has_colour(stream) else text


def printable(text: str) -> str:
    """`text` with line ends as one newline, and U+FFFD for what a terminal would obey and not draw."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    return "".join(
        "\N{REPLACEMENT CHARACTER}"
        if c not in "\n\t" and unicodedata.category(c) in ("Cc", "Cf", "Cs")
        else c
        for c in lines
    )
