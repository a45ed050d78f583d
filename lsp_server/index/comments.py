"""The first line of a docstring or of a comment, without its marks."""

import re

from lsp_server.index.definition import MAX_DOC

_OPENING = re.compile(r"\s*(?:/\*[*!]*|//[/!]*|\*+/?|#+!?|--+|;+|[rRuUbB]{0,2}(?:\"\"\"|'''|\"|'))\s?")
_CLOSING = re.compile(r"\s*(?:\*+/|\"\"\"|'''|\"|')\s*$")
_TAG = re.compile(r"</?[A-Za-z][^>]{0,80}>")
_WORD = re.compile(r"\w")


def first_line(comment: str) -> str:
    """The first line that says something; "" if there is none in the first twenty."""
    for line in comment.split("\n", 20)[:20]:
        said = line
        while match := _OPENING.match(said):
            said = said[match.end() :]
        said = " ".join(_TAG.sub("", _CLOSING.sub("", said)).split())
        if _WORD.search(said):
            return said[:MAX_DOC]
    return ""
