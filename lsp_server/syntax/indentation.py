"""Blocks by their indentation alone, for languages without a grammar and text that no grammar can read."""

import re

_TAB = 8
_HEADER_END = re.compile(
    r"(?:[:{]|->|=>|\b(?:do|then|else|begin|try)|\bdo\s*\|[^|]*\||\bfunction\s*\([^)]*\))\s*$"
)
# Headers of languages whose blocks end with a word: `def f(x)`, `while x do`, `function f(x)`.
_HEADER_WORD = re.compile(
    r"\s*(?:local\s+|async\s+)?"
    r"(?:def|class|module|if|elsif|elseif|unless|while|until|for|function|begin|case|defmodule|defp|macro)\b"
)
_CLOSING_WORD = re.compile(r"\s*(?:end\w*|fi|done|esac|until\b.*)\s*[;,)]*\s*$")


def width(line: str) -> int:
    """The columns of a line's leading white space; a tab goes to the next multiple of eight."""
    return len(line[: len(line) - len(line.lstrip(" \t"))].expandtabs(_TAB))


def opens_block(line: str, words: bool = False) -> bool:
    """Whether a line looks as if a block followed it. `words`: in a language whose blocks end with a word."""
    return bool(_HEADER_END.search(line)) or (words and bool(_HEADER_WORD.match(line)))


def closes_block(line: str) -> bool:
    """Whether a line is nothing but the word that ends a block: `end`, `fi`, `done`."""
    return bool(_CLOSING_WORD.match(line))


def empty_below(header: str, following: str) -> bool:
    """Whether the block of `header` is empty, given the next line that is not blank ("" if there is none)."""
    return not following.strip() or width(following) <= width(header)
