"""Cursors in held-out projects, and the floor under every score: copying from the file itself."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from inference.prompt import PromptText
from training.jsonl import DataError, read_records
from training.languages import comment_markers

Kind = Literal["rest of line", "full line"]
KINDS: tuple[Kind, ...] = ("rest of line", "full line")
COPY_WINDOW = 200
_TRIES = 10_000


@dataclass(frozen=True, slots=True)
class Cursor:
    """A cursor in a file whose line was cut off there."""

    source: str
    path: str
    prefix: str
    suffix: str
    truth: str
    language: str = "python"

    @property
    def text(self) -> PromptText:
        """What a request would say of it, without an outline."""
        return PromptText(self.prefix, self.suffix, self.path, self.language)


@dataclass(frozen=True, slots=True)
class Line:
    """A line of code in a held-out file: `text` is all of it, `first` where it begins behind indentation."""

    record: dict[str, Any]
    above: str
    text: str
    below: str

    @property
    def first(self) -> int:
        return len(self.text) - len(self.text.lstrip())

    @property
    def end(self) -> int:
        return len(self.text.rstrip())

    def cursor(self, start: int, end: int | None = None) -> Cursor:
        """What is missing is text[start:end]; with `end` left out, all that is not blank, and the suffix is
        the line end and what follows it."""
        behind = self.text[end:] if end is not None else ""
        return Cursor(
            self.record["source"],
            self.record["path"],
            self.above + self.text[:start],
            behind + self.below,
            self.text[start : self.end if end is None else end],
            language_of(self.record),
        )


def language_of(record: dict[str, Any]) -> str:
    """The language that a corpus record names; without one it is Python."""
    return str(record.get("language", "python"))


def held_out_records(held_out: Path, language: str | None = "python") -> list[dict[str, Any]]:
    """Every held-out file that is no test, of one language or with None of all.

    Raises:
        DataError: naming the file and the line that is no such record.
    """
    return [
        record
        for record in read_records(held_out, {"source": str, "path": str, "text": str})
        if "test" not in record["path"].lower() and language in (None, language_of(record))
    ]


def languages_in(held_out: Path) -> list[str]:
    """The languages of the held-out files, Python first, then by name."""
    found = {language_of(record) for record in held_out_records(held_out, None)}
    return sorted(found, key=lambda name: (name != "python", name))


def draw_lines(held_out: Path, language: str | None, rng: random.Random) -> Iterator[Line]:
    """Lines of four or more characters, outside comments and test files, without end.

    Raises:
        DataError: no such line was found for long.
    """
    records = held_out_records(held_out, language)
    if not records:
        raise DataError(f"{held_out}: no file that is not a test{f', in {language}' if language else ''}")
    tries = 0
    while tries < _TRIES:
        record = rng.choice(records)
        lines = record["text"].split("\n")
        number = rng.randrange(len(lines))
        content = lines[number].strip()
        tries += 1
        comments = comment_markers(language_of(record))
        if len(content) < 4 or content.startswith(comments):
            continue
        tries = 0
        above = "\n".join([*lines[:number], ""])
        yield Line(record, above, lines[number], "\n" + "\n".join(lines[number + 1 :]))
    raise DataError(f"{held_out}: no line of code to complete")


def draw_cursors(
    held_out: Path, count: int, kind: Kind, seed: int, language: str | None = "python"
) -> list[Cursor]:
    """Cursors in lines of code; `language` of None draws from all files.

    Raises:
        DataError: the file is not a corpus, or has no such line.
    """
    rng = random.Random(seed)
    cursors: list[Cursor] = []
    lines = draw_lines(held_out, language, rng)
    while len(cursors) < count:
        line = next(lines)
        at = line.first
        if kind == "rest of line":
            at += rng.randrange(1, line.end - line.first - 1)
        cursors.append(line.cursor(at))
    return cursors


def copied(prefix: str, suffix: str) -> str:
    """What followed the longest occurrence elsewhere of the text before the cursor, to the line's end."""
    recent = prefix[-COPY_WINDOW:]
    if not recent:
        return ""
    best_length, best = 0, ""
    for text, places in ((prefix, _backwards(prefix, recent[-1])), (suffix, _forwards(suffix, recent[-1]))):
        for place in places:
            length = 0
            while length < len(recent) and place >= length and text[place - length] == recent[-1 - length]:
                length += 1
            if length > best_length:
                best_length, best = length, text[place + 1 :].split("\n", 1)[0]
    return best


def _backwards(text: str, character: str) -> list[int]:
    return [i for i in range(len(text) - 2, -1, -1) if text[i] == character]


def _forwards(text: str, character: str) -> list[int]:
    return [i for i, c in enumerate(text) if c == character]


def edit_similarity(a: str, b: str) -> float:
    """1 - Levenshtein distance / the longer length; 1 for two empty texts."""
    if not a and not b:
        return 1.0
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        previous, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            previous, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, previous + (x != y))
    return 1 - row[-1] / max(len(a), len(b))
