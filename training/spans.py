"""Middles: which part of a document an example leaves out.

Whoever types stops anywhere in a line and wants the rest of it, a line, a few, or the expression that stands
in front of what an editor closed already. Spans by syntax node are worth five points over random ones in
AST-FIM (arXiv 2506.00204).
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from typing import Literal

from training.syntax import Syntax

Kind = Literal["rest of line", "full line", "lines", "node", "run"]
MIX: dict[Kind, float] = {"rest of line": 0.32, "full line": 0.20, "lines": 0.14, "node": 0.26, "run": 0.08}
LINE_END_SHARE = 0.25  # of the spans that end with their line
BEFORE_CLOSER_SHARE = 0.75  # of the nodes in brackets or quotes
_MAX_LINES_CHARACTERS = 600
_OPENER = re.compile(r"[(\[{]|[A-Za-z]{0,2}(\"\"\"|'''|[\"'`])")
_CLOSERS = {"(": ")", "[": "]", "{": "}"}


@dataclass(frozen=True, slots=True)
class Span:
    """A middle: text[start:end], in characters."""

    start: int
    end: int
    kind: Kind


def draw_span(rng: random.Random, text: str, starts: list[int], line: int, syntax: Syntax) -> Span:
    """A middle that begins in `line`. May be empty.

    Args:
        starts: the offset of each line of `text`, and as the last item that of the line behind the end.
    """
    begin, stop = starts[line], starts[line + 1] - 1
    content = text[begin:stop]
    first, last = begin + len(content) - len(content.lstrip()), begin + len(content.rstrip())
    (kind,) = rng.choices(list(MIX), list(MIX.values()))
    start, end = rng.randrange(first, max(first + 1, last - 1)), last
    if kind == "node":
        if inside := _in_node(rng, text, syntax, begin, start):
            start, end = inside
        else:
            kind = "rest of line"
    elif kind == "full line":
        start = first if rng.random() < 0.8 else begin
    elif kind == "lines":
        until = min(len(starts) - 2, line + rng.choice((1, 2, 2, 3, 4)))
        end = starts[until + 1] - 1
        if end - begin > _MAX_LINES_CHARACTERS:
            end = stop
        if rng.random() < 0.6:
            start = first
    elif kind == "run":
        end = min(len(text), start + rng.randrange(4, 150))
    # Both forms occur at real cursors: the line end is still to be written, or it is there already.
    if kind != "run" and text[end : end + 1] == "\n" and rng.random() < LINE_END_SHARE:
        end += 1
    return Span(start, end, kind)


def _in_node(rng: random.Random, text: str, syntax: Syntax, line: int, cursor: int) -> tuple[int, int] | None:
    """A node around the cursor, or what is behind the cursor of it. Not always with its closing bracket.

    A node that begins before the offset `line` is never whole.
    """
    nodes = syntax.nodes_at(cursor)
    if not nodes:
        return None
    start, end = rng.choice(nodes)
    opening, closing = closers(text[start:end])
    if rng.random() < BEFORE_CLOSER_SHARE:
        start, end = start + opening, end - closing
    if start < line or rng.random() < 0.5:
        start = max(start, cursor)
    return (start, end) if start < end else None


def closers(node: str) -> tuple[int, int]:
    """How many characters open and close a node in brackets or quotes; (0, 0) of any other."""
    opener = _OPENER.match(node)
    if opener is None:
        return 0, 0
    quote = opener[1]
    closer = quote or _CLOSERS[opener[0]]
    inside = node[opener.end() : -len(closer)]
    if len(node) < opener.end() + len(closer) or not node.endswith(closer):
        return 0, 0
    if quote in inside if quote else _leaves(inside, opener[0], closer):  # `(a) + (b)`, `"a" + "b"`
        return 0, 0
    return opener.end(), len(closer)


def _leaves(inside: str, opener: str, closer: str) -> bool:
    """Whether `inside` closes a bracket that it did not open."""
    depth = 0
    for character in inside:
        depth += (character == opener) - (character == closer)
        if depth < 0:
            return True
    return False
