"""What a replay found, and its tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from benchmarks.percentile import nearest_rank
from benchmarks.replaying.tally import Share, Tally, ratio, shares
from benchmarks.replaying.typist import Flaw, Times, Typed
from benchmarks.replaying.variant import SHIPPED

ALL = "all"


@dataclass(frozen=True, slots=True)
class Spread:
    """Of `count` values, in milliseconds, by nearest rank. All zero for none."""

    count: int
    median: float
    p95: float
    p99: float

    @classmethod
    def of(cls, values: Iterable[float]) -> Spread:
        ordered = sorted(values)
        return cls(len(ordered), *(nearest_rank(ordered, share) for share in (0.5, 0.95, 0.99)))


@dataclass(slots=True)
class Typing:
    """What one variant came to in one language: the tally of each file by its path, and all times."""

    files: dict[str, Tally] = field(default_factory=dict)
    times: Times = field(default_factory=Times)
    flaws: list[Flaw] = field(default_factory=list)

    def add(self, path: str, typed: Typed) -> None:
        self.files.setdefault(path, Tally()).add(typed.tally)
        self.times.add(typed.times)
        self.flaws += typed.flaws

    @classmethod
    def of(cls, typings: Iterable[Typing]) -> Typing:
        """All of them together, which have no file in common."""
        total = cls()
        for typing in typings:
            total.files |= typing.files
            total.times.add(typing.times)
            total.flaws += typing.flaws
        return total

    @property
    def tallies(self) -> list[Tally]:
        return [self.files[path] for path in sorted(self.files)]


@dataclass(frozen=True, slots=True)
class Figures:
    """One variant in one language, or in all of them. A share's error is a standard one, over files."""

    files: int
    tally: Tally
    shares: dict[str, Share]
    latency_ms: Spread
    silent_ms: Spread
    request_processor_ms: Spread
    change_processor_ms: Spread
    beyond_worker_ms: Spread

    @classmethod
    def of(cls, typing: Typing) -> Figures:
        times = typing.times
        return cls(
            len(typing.files),
            Tally.of(typing.tallies),
            shares(typing.tallies),
            Spread.of(times.shown),
            Spread.of(times.silent),
            Spread.of(times.request),
            Spread.of(times.change),
            Spread.of(times.beyond_worker),
        )


@dataclass(frozen=True, slots=True)
class Ablated:
    """A variant in all languages. `saved` and `wrong_characters` are ours, as shipped, over the variant's."""

    figures: Figures
    saved: Share
    wrong_characters: Share


@dataclass(frozen=True, slots=True)
class Report:
    """What --json prints. `settings` are those of each variant that are not the defaults."""

    data: str
    seed: int
    rate: float
    model: str
    machine: str
    languages: dict[str, Figures]
    variants: dict[str, Ablated]
    settings: dict[str, dict[str, object]]
    flaws: list[Flaw]


def by_language(typings: dict[str, Typing]) -> dict[str, Figures]:
    """The figures of each language, and of all together."""
    total = {ALL: Typing.of(typings.values())} if len(typings) > 1 else {}
    return {name: Figures.of(typing) for name, typing in (typings | total).items()}


def ablated(typed: dict[str, dict[str, Typing]]) -> dict[str, Ablated]:
    """Each variant over all languages, by its name; `typed` is by variant and language."""
    totals = {name: Typing.of(typings.values()) for name, typings in typed.items()}
    ours = totals[SHIPPED.name].tallies
    return {
        name: Ablated(
            Figures.of(total),
            ratio(ours, total.tallies, "saved"),
            ratio(ours, total.tallies, "wrong_characters"),
        )
        for name, total in totals.items()
    }


def table(report: Report) -> str:
    """The report as Markdown, of at most 100 columns."""
    total = list(report.languages.values())[-1]
    rate = f"{report.rate:g} keys a second" if report.rate else "each key after the answer to the last"
    parts = [
        f"{report.model}; {report.data}, seed {report.seed}; {rate}\n{report.machine}",
        _table(
            "language|files|requests|shown %|exact %|part %|saved %|by words %|wrong %|wrong/100",
            [_worth(name, figures) for name, figures in report.languages.items()],
        ),
        _table(
            "language|ms|95%|silent ms|95%|with text|added errors|broken|compiled|misread",
            [_cost(name, figures) for name, figures in report.languages.items()],
        ),
        _table("Midfill's own time, ms|count|median|95%|99%", _own(total)),
        "Of the prompts' tokens, where the model was asked for a text, those reused from before:\n"
        f"{total.shares['reused_in_line'].percent}% while a line is typed, "
        f"{total.shares['reused_across_lines'].percent}% behind a line end.",
    ]
    if len(report.variants) > 1:
        parts.append(
            _table(
                "variant|requests|shown %|saved %|wrong/100|broken|ms|95%|saved ×|wrong ×",
                [_ablation(name, each) for name, each in report.variants.items()],
            )
        )
    return "\n\n".join(parts)


def _worth(name: str, figures: Figures) -> list[str]:
    found = figures.shares
    names = ("shown", "exact", "prefix", "saved", "saved_with_words", "wrong", "wrong_characters")
    counts = str(figures.files), str(figures.tally.requests)
    return [name, *counts, *(found[each].percent for each in names)]


def _cost(name: str, figures: Figures) -> list[str]:
    tally, texts, silent = figures.tally, figures.latency_ms, figures.silent_ms
    counts = (tally.shown, tally.errors, tally.broken, tally.compiled, tally.misread)
    times = (texts.median, texts.p95, silent.median, silent.p95)
    return [name, *(f"{each:.1f}" for each in times), *map(str, counts)]


def _own(figures: Figures) -> list[list[str]]:
    rows = {
        "a request, processor": figures.request_processor_ms,
        "a didChange, processor": figures.change_processor_ms,
        "a reply beyond the wait for the model": figures.beyond_worker_ms,
    }
    return [
        [name, str(spread.count), *(f"{each:.2f}" for each in (spread.median, spread.p95, spread.p99))]
        for name, spread in rows.items()
        if spread.count
    ]


def _ablation(name: str, each: Ablated) -> list[str]:
    figures, found = each.figures, each.figures.shares
    return [
        name,
        str(figures.tally.requests),
        *(found[share].percent for share in ("shown", "saved", "wrong_characters")),
        str(figures.tally.broken),
        f"{figures.latency_ms.median:.1f}",
        f"{figures.latency_ms.p95:.1f}",
        str(each.saved),
        str(each.wrong_characters),
    ]


def _table(header: str, rows: Sequence[list[str]]) -> str:
    """Columns as wide as they have to be, the first to the left."""
    names = header.split("|")
    widths = [max(map(len, column)) for column in zip(names, *rows, strict=True)]

    def line(cells: Sequence[str]) -> str:
        first, *others = zip(cells, widths, strict=True)
        return "|".join(["", first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in others), ""])

    rule = "|".join(["", "-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:]), ""])
    return "\n".join([line(names), rule, *map(line, rows)])
