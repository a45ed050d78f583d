"""How much of a text fits a budget of tokens, cut where the cut stays put while the user types."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import blake2b

from inference.line_tokens import Encoder

CHARACTERS_PER_TOKEN = 8
"""A window holds no more than these for each token of its budget."""

_CLOSERS = frozenset(")]}")


@dataclass(frozen=True, slots=True)
class Window:
    """The end of a text from the character `start` on, as tokens."""

    start: int
    token_ids: list[int]


def last_tokens(text: str, budget: int, tokenizer: Encoder) -> list[int]:
    """The tokens of `last_window`."""
    return last_window(text, budget, tokenizer).token_ids


def last_window(text: str, budget: int, tokenizer: Encoder) -> Window:
    """At most `budget` tokens of the end of `text`, starting at a line start where any line fits.

    A text that does not fit starts at the best line among those that leave between half the budget and all
    of it: the least indented, ties broken by hash (winnowing, Schleimer et al. 2003). That choice depends on
    the text alone, not on where it was cut before, and changes only when the line slides out or a better one
    slides in: about twice per half budget typed, so keys and values of the window survive keystrokes. Where
    lines are long it may hold less, down to an eighth of the budget; a line longer than all that is cut
    within, by hash.
    """
    if budget <= 0:
        return Window(len(text), [])
    tail = text[-budget * CHARACTERS_PER_TOKEN :]
    ids, starts = tokenizer.encode_with_starts(tail)
    if not ids or (len(ids) <= budget and len(tail) == len(text)):
        return Window(0, ids)
    low = starts[max(0, len(ids) - budget)]
    half = starts[len(ids) - min(budget, len(ids)) // 2 - 1]
    least = starts[len(ids) - min(budget, len(ids)) // 8 - 1]
    for start in _window_starts(tail, low, half, least):
        ids = tokenizer.encode(tail[start:])
        if len(ids) <= budget:
            return Window(len(text) - len(tail) + start, ids)
    return Window(len(text), [])


def first_tokens(text: str, budget: int, tokenizer: Encoder) -> list[int]:
    """At most `budget` tokens of the beginning of `text`, ending at a line end where the first line fits."""
    if budget <= 0:
        return []
    head = text[: budget * CHARACTERS_PER_TOKEN]
    ids, starts = tokenizer.encode_with_starts(head)
    if len(ids) <= budget and len(head) == len(text):
        return ids
    limit = starts[budget] if len(ids) > budget else len(head)
    for end in _window_ends(head, limit):
        ids = tokenizer.encode(head[:end])
        if len(ids) <= budget:
            return ids
    return []


def _window_starts(text: str, low: int, half: int, least: int) -> Iterator[int]:
    """Candidates, best first: line starts up to `half`, line starts up to `least`, any index up to `half`,
    then whatever leaves less."""
    lines = [i + 1 for i in _occurrences(text, "\n", max(low - 1, 0), least) if low <= i + 1 <= least]
    ranked: dict[tuple[bool, int], list[int]] = {}
    for start in lines:
        if start <= half:
            ranked.setdefault(_rank(_line(text, start)), []).append(start)
    for rank in sorted(ranked):  # one by one: most often the first start of all does, and hashes cost
        yield from sorted(ranked[rank], key=lambda start: (_hash(_line(text, start)), start))
    yield from (start for start in lines if start > half)
    yield from sorted(range(low, half + 1), key=lambda start: (_hash(text[start : start + 12]), start))
    yield from range(half + 1, len(text) + 1)


def _window_ends(text: str, limit: int) -> Iterator[int]:
    lines = [i + 1 for i in _occurrences(text, "\n", 0, limit) if i + 1 <= limit]
    yield from reversed(lines)
    yield from range(limit, -1, -1)


def _occurrences(text: str, needle: str, low: int, high: int) -> Iterable[int]:
    index = text.find(needle, low, high + 1)
    while index >= 0:
        yield index
        index = text.find(needle, index + 1, high + 1)


def _line(text: str, start: int) -> str:
    end = text.find("\n", start)
    return text[start : end if end >= 0 else len(text)]


def _rank(line: str) -> tuple[bool, int]:
    """Blank lines and lone closers last, then by indentation."""
    body = line.lstrip()
    return (not body or body[0] in _CLOSERS, len(line) - len(body))


def _hash(text: str) -> bytes:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
