"""The lines above a window that say where it lies: imports, and the headers of the scopes around the cursor.

The server names them as extents of the prefix, most telling first; which of them the window leaves out, and
how many fit, is known only where tokens are counted.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

from inference.line_tokens import Encoder
from inference.messages import Extent
from inference.window import CHARACTERS_PER_TOKEN, last_window

SHARE = 4
"""An outline takes at most one part in so many of the budget it shares with the window."""


def window_with_outline(text: str, outline: Sequence[Extent], budget: int, tokenizer: Encoder) -> list[int]:
    """At most `budget` tokens of the end of `text`, behind those parts of `outline` that lie before them.

    A text that fits whole needs no outline. As long as the window's start and the outline stay, so do all
    tokens but the last ones.
    """
    if not outline or len(text) <= budget * CHARACTERS_PER_TOKEN:
        whole = last_window(text, budget, tokenizer)
        if not outline or whole.start == 0:
            return whole.token_ids
    room = budget // SHARE
    window = last_window(text, budget - room, tokenizer)
    above = [extent for extent in outline if extent.end <= window.start]
    return [*outline_tokens(text, above, room, tokenizer), *window.token_ids]


def outline_tokens(text: str, outline: Sequence[Extent], room: int, tokenizer: Encoder) -> list[int]:
    """The extents that fit `room` tokens together, in the order of the text; those named first come first.

    Extents that overlap one chosen before are left out.
    """
    chosen: list[Extent] = []
    left = room
    for extent, cost in zip(outline, _costs(text, outline, tokenizer), strict=True):
        if cost <= left and not any(extent.start < e.end and e.start < extent.end for e in chosen):
            chosen.append(extent)
            left -= cost
    while chosen:
        lines = "".join(text[e.start : e.end] for e in sorted(chosen, key=lambda e: e.start))
        ids = tokenizer.encode(lines)
        if len(ids) <= room:
            return ids
        chosen.pop()  # tokens may fall otherwise in another order
    return []


def _costs(text: str, outline: Sequence[Extent], tokenizer: Encoder) -> list[int]:
    """Tokens of each extent, by one encoding of them all."""
    _, starts = tokenizer.encode_with_starts("".join(text[e.start : e.end] for e in outline))
    costs, at, end = [], 0, 0
    for extent in outline:
        end += extent.end - extent.start
        first, at = at, bisect_left(starts, end, at)
        costs.append(at - first)
    return costs
