"""A part of a file that is taken out and typed again, and the keys that this takes."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from benchmarks.replaying.source_file import SourceFile

MIN_CHARACTERS = 4  # of the line that is begun with

_INDENTATION = re.compile(r"\n[ \t]*")
_OPENING = {"(": ")", "[": "]", "{": "}"}


@dataclass(frozen=True, slots=True)
class Stretch:
    """The characters [start, end) of a file: whole lines, from the line end before the first on."""

    file: SourceFile
    start: int
    end: int

    @property
    def text(self) -> str:
        return self.file.text[self.start : self.end]


def draw(file: SourceFile, length: int, rng: random.Random) -> Stretch | None:
    """Lines that take `length` keys or more, or all to the end; None where no line is worth typing."""
    begins = [match.start() for match in re.finditer(r"\n(?=[^\n])", file.text)]
    worth = [at for at in begins if len(_line_from(file.text, at + 1).strip()) >= MIN_CHARACTERS]
    if not worth:
        return None
    start = rng.choice(worth)
    end = start
    while end < len(file.text) and num_keys(file.text[start:end]) < length:
        after = file.text.find("\n", end + 1)
        end = after if after >= 0 else len(file.text)
    return Stretch(file, start, start + len(file.text[start:end].rstrip("\n")))


def draws(files: Sequence[SourceFile], length: int, rng: random.Random) -> Iterator[Stretch]:
    """Stretches without end, one of each file in turn; none where no file has any."""
    order = list(files)
    rng.shuffle(order)
    while order:
        drawn = [(file, draw(file, length, rng)) for file in order]
        order = [file for file, stretch in drawn if stretch is not None]
        yield from (stretch for _, stretch in drawn if stretch is not None)


def key_at(text: str, at: int) -> str:
    """What the next key brings: a character, or a line end with the indentation, which is the editor's."""
    match = _INDENTATION.match(text, at)
    return match.group() if match else text[at]


def num_keys(text: str) -> int:
    """The keys that typing a text takes."""
    return len(_INDENTATION.sub("\n", text))


def closer_of(text: str, at: int) -> int | None:
    """Where the bracket that opens at `at` is closed on its line; None for no bracket, or one left open.

    Quotes are not read: a bracket in them may count.
    """
    if text[at] not in _OPENING:
        return None
    wanted: list[str] = []
    for place in range(at, len(text)):
        character = text[place]
        if character == "\n":
            return None
        if character in _OPENING:
            wanted.append(_OPENING[character])
        elif character == wanted[-1]:
            wanted.pop()
            if not wanted:
                return place
    return None


def _line_from(text: str, start: int) -> str:
    end = text.find("\n", start)
    return text[start : end if end >= 0 else len(text)]
