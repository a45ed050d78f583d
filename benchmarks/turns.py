"""Measurements taken in turns, so that what else the machine does falls on every side alike."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True, slots=True)
class Spread:
    """The median of some values, and the least and the greatest."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        return cls(median(values), min(values), max(values))

    def __str__(self) -> str:
        return f"{self.median:.2f} ({self.low:.2f}–{self.high:.2f})"


@dataclass(frozen=True, slots=True)
class Comparison:
    """One thing measured on us and on another, in milliseconds. `ratio` is of theirs to ours, turn by turn:
    above 1 we are faster."""

    what: str
    precision: str
    other: str
    ours_ms: Spread
    theirs_ms: Spread
    ratio: Spread


def in_turns(measures: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, list[float]]:
    """Each measure once a round, beginning with another one each time; a first round is thrown away."""
    names = list(measures)
    taken: dict[str, list[float]] = {name: [] for name in names}
    for number in range(rounds + 1):
        first = number % len(names)
        for name in names[first:] + names[:first]:
            value = measures[name]()
            if number:
                taken[name].append(value)
    return taken


def compared(what: str, precision: str, ours: str, taken: dict[str, list[float]]) -> list[Comparison]:
    """The side `ours` beside each of the others."""
    mine = taken[ours]
    return [
        Comparison(
            what,
            precision,
            other,
            Spread.of(mine),
            Spread.of(theirs),
            Spread.of([their / my for my, their in zip(mine, theirs, strict=True)]),
        )
        for other, theirs in taken.items()
        if other != ours
    ]


def table(rows: list[Comparison]) -> str:
    """As Markdown."""
    lines = [
        "| | precision | ours, ms | | theirs, ms | ratio (least–greatest) |",
        "|---|---|---:|---|---:|---:|",
    ]
    for row in rows:
        ours, theirs = f"{row.ours_ms.median:.2f}", f"{row.theirs_ms.median:.2f}"
        lines.append(f"| {row.what} | {row.precision} | {ours} | {row.other} | {theirs} | {row.ratio} |")
    return "\n".join(lines)
