"""A prompt, its right middle and a wrong one.

Wrong is what stands elsewhere in the same document, or the right middle with one identifier for another that
is in sight: the two mistakes of a model that knows the project and not the place.
"""

from __future__ import annotations

import keyword
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer
from torch import Tensor, from_numpy

from training.ablations.rows import Drawn
from training.row_format import MIDDLE_WEIGHT
from training.tokenizer import END_OF_TEXT

LENGTH = 256
EXCHANGED_SHARE = 0.5
SIGHT = 600  # characters before the middle
_IDENTIFIER = re.compile(r"\b[A-Za-z_]\w+\b")


@dataclass(frozen=True, slots=True)
class Pairs:
    """(pairs, 2, LENGTH + 1): token ids of a right and a wrong sequence, filled up behind their end, and
    whether a token is of the middle, its end included."""

    ids: NDArray[np.uint16]
    middle: NDArray[np.bool_]

    def save(self, folder: Path) -> None:
        np.save(folder / "pair_ids.npy", self.ids)
        np.save(folder / "pair_middle.npy", self.middle)

    @classmethod
    def load(cls, folder: Path) -> Pairs:
        return cls(np.load(folder / "pair_ids.npy"), np.load(folder / "pair_middle.npy"))

    @property
    def share(self) -> float:
        """Of the tokens, those that are predicted."""
        return float(self.middle[..., 1:].mean())

    def batch(self, step: int, count: int) -> tuple[Tensor, Tensor]:
        """(2 count, LENGTH + 1) ids, int64, and middles, bool, of `step`: right, wrong, right, wrong, …"""
        chosen = np.arange(step * count, (step + 1) * count) % len(self.ids)
        ids = from_numpy(self.ids[chosen].astype(np.int64))
        return ids.flatten(0, 1), from_numpy(self.middle[chosen]).flatten(0, 1)


def exchanged(rng: random.Random, middle: str, before: str) -> str | None:
    """`middle` with one identifier for another one of `before`; None where there is none to exchange."""
    places = [match for match in _IDENTIFIER.finditer(middle) if not keyword.iskeyword(match[0])]
    others = sorted({str(name) for name in _IDENTIFIER.findall(before) if not keyword.iskeyword(name)})
    if not places:
        return None
    place = rng.choice(places)
    others = [name for name in others if name != place[0]]
    if not others:
        return None
    return f"{middle[: place.start()]}{rng.choice(others)}{middle[place.end() :]}"


def wrong_middle(rng: random.Random, one: Drawn, same: Sequence[Drawn]) -> str | None:
    """A wrong middle for an example, `same` being those of its document; None where none is found."""
    text, start, end = one.document.text, one.example.start, one.example.end
    right = text[start:end]
    if rng.random() < EXCHANGED_SHARE:
        wrong = exchanged(rng, right, text[max(0, start - SIGHT) : start])
        if wrong is not None:
            return wrong
    others = [text[other.example.start : other.example.end] for other in same]
    others = sorted({other for other in others if other != right})
    return rng.choice(others) if others else None


def make_pairs(drawn: Sequence[Drawn], tokenizer: Tokenizer, seed: int, count: int) -> Pairs:
    """At most `count` pairs of examples that lie together by document, in an order by `seed`.

    Raises:
        ValueError: no example has a wrong middle that fits.
    """
    rng = random.Random(seed)
    infills = [one for one in drawn if one.example.kind != "plain"]
    groups = [list(group) for _, group in groupby(infills, key=lambda one: id(one.document))]
    ids: list[NDArray[np.uint16]] = []
    middles: list[NDArray[np.bool_]] = []
    order = [(one, group) for group in groups for one in group]
    rng.shuffle(order)
    for one, group in order:
        if len(ids) == count:
            break
        text = wrong_middle(rng, one, group)
        if text is None:
            continue
        prompt = one.example.ids[: one.example.weights.index(MIDDLE_WEIGHT)]
        right = one.example.ids[len(prompt) : -1]
        wrong = tokenizer.encode(text, add_special_tokens=False).ids
        if len(prompt) + max(len(right), len(wrong)) + 1 > LENGTH + 1:
            continue
        pair = np.full((2, LENGTH + 1), END_OF_TEXT, np.uint16)
        middle = np.zeros((2, LENGTH + 1), np.bool_)
        for side, tokens in enumerate((right, wrong)):
            until = len(prompt) + len(tokens)
            pair[side, :until] = [*prompt, *tokens]
            middle[side, len(prompt) : until + 1] = True
        ids.append(pair)
        middles.append(middle)
    if not ids:
        raise ValueError("no example has a wrong middle")
    return Pairs(np.stack(ids), np.stack(middles))
