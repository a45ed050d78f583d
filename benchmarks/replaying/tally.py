"""What typing came to, in whole numbers that can be added, and the shares that they make."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

RESAMPLES = 1000


@dataclass(slots=True)
class Tally:
    """`texts` were shown anew: one that only goes on shortening as its beginning is typed counts once.

    `characters` are those typed, and `saved` the keys that accepting saved, each with indentation left out.
    `saved_with_words` is what somebody would have saved who also accepts single words of the same texts.
    `errors` are shown completions with which the tree has more errors than without, `broken` those of
    them that are not what the author wrote and that no end would mend, `misread` those that Python cannot
    read; `wrong_errors` and `wrong_misread` of texts that are not what the author wrote. Tokens are those of
    prompts, where the model was asked for a text: behind a key in a line, and behind a line end.
    """

    requests: int = 0
    shown: int = 0
    overtaken: int = 0
    texts: int = 0
    exact: int = 0
    prefix: int = 0
    words: int = 0
    characters: int = 0
    saved: int = 0
    saved_with_words: int = 0
    wrong_requests: int = 0
    wrong_texts: int = 0
    wrong_characters: int = 0
    errors: int = 0
    wrong_errors: int = 0
    broken: int = 0
    compiled: int = 0
    misread: int = 0
    wrong_misread: int = 0
    line_tokens: int = 0
    line_reused: int = 0
    newline_tokens: int = 0
    newline_reused: int = 0

    def add(self, other: Tally) -> None:
        for name in _NAMES:
            setattr(self, name, getattr(self, name) + getattr(other, name))

    @classmethod
    def of(cls, tallies: Sequence[Tally]) -> Tally:
        total = cls()
        for tally in tallies:
            total.add(tally)
        return total


_NAMES = tuple(field.name for field in fields(Tally))

# By name, what is divided by what.
SHARES = {
    "shown": ("shown", "requests"),
    "exact": ("exact", "texts"),
    "prefix": ("prefix", "texts"),
    "words": ("words", "texts"),
    "saved": ("saved", "characters"),
    "saved_with_words": ("saved_with_words", "characters"),
    "wrong": ("wrong_requests", "requests"),
    "wrong_characters": ("wrong_characters", "characters"),
    "reused_in_line": ("line_reused", "line_tokens"),
    "reused_across_lines": ("newline_reused", "newline_tokens"),
}


@dataclass(frozen=True, slots=True)
class Share:
    """A quotient, and its standard error."""

    value: float
    error: float

    @property
    def percent(self) -> str:
        return f"{100 * self.value:.1f}±{100 * self.error:.1f}"

    def __str__(self) -> str:
        return f"{self.value:.2f}±{self.error:.2f}"


def shares(files: Sequence[Tally], seed: int = 0) -> dict[str, Share]:
    """Each of SHARES over the files together; zero for none.

    The standard error is the bootstrap's: that of the quotient over RESAMPLES draws of as many files with
    replacement (Efron 1979). Files and not requests are drawn, for what is typed in one file is alike.
    """
    samples = _samples(files, seed)
    return {name: _share(files, samples, *SHARES[name]) for name in SHARES}


def ratio(ours: Sequence[Tally], theirs: Sequence[Tally], name: str, seed: int = 0) -> Share:
    """A share of ours to that of theirs, file by file the same; the draws are the same for both."""
    over, under = SHARES[name]
    mine, other = _share(ours, _samples(ours, seed), over, under), _share(theirs, None, over, under)
    quotients = _quotients(ours, _samples(ours, seed), over, under)
    others = _quotients(theirs, _samples(theirs, seed), over, under)
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = quotients / others
    return Share(_divided(mine.value, other.value), _deviation(spread))


def _samples(files: Sequence[Tally], seed: int) -> np.ndarray:
    """How often each file is drawn: int64 [RESAMPLES, files]."""
    if not files:
        return np.zeros((RESAMPLES, 0), np.int64)
    return np.random.default_rng(seed).multinomial(
        len(files), np.full(len(files), 1 / len(files)), size=RESAMPLES
    )


def _share(files: Sequence[Tally], samples: np.ndarray | None, over: str, under: str) -> Share:
    total = Tally.of(files)
    error = 0.0 if samples is None else _deviation(_quotients(files, samples, over, under))
    return Share(_divided(getattr(total, over), getattr(total, under)), error)


def _quotients(files: Sequence[Tally], samples: np.ndarray, over: str, under: str) -> np.ndarray:
    """float64 [RESAMPLES]; not a number where nothing is divided by nothing."""
    tops, bottoms = (np.array([getattr(file, name) for file in files]) for name in (over, under))
    with np.errstate(divide="ignore", invalid="ignore"):
        quotients: np.ndarray = (samples @ tops) / (samples @ bottoms)
    return quotients


def _deviation(values: np.ndarray) -> float:
    finite = values[np.isfinite(values)]
    return float(finite.std()) if len(finite) else 0.0


def _divided(over: float, under: float) -> float:
    return over / under if under else 0.0
