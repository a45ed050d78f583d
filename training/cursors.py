"""Cursors in held-out projects, and the floor under every score: copying from the file itself."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Kind = Literal["rest of line", "full line"]
COPY_WINDOW = 200


@dataclass(frozen=True, slots=True)
class Cursor:
    """A cursor in a file whose line was cut off there."""

    source: str
    path: str
    prefix: str
    suffix: str
    truth: str


def held_out_records(held_out: Path) -> list[dict[str, str]]:
    """Source, path and text of every held-out file that is no test."""
    with held_out.open(encoding="utf-8") as file:
        return [record for record in map(json.loads, file) if "test" not in record["path"].lower()]


def draw_cursors(held_out: Path, count: int, kind: Kind, seed: int) -> list[Cursor]:
    """Cursors in lines of code of four or more characters, outside comments and test files."""
    records = held_out_records(held_out)
    rng = random.Random(seed)
    cursors: list[Cursor] = []
    while len(cursors) < count:
        record = rng.choice(records)
        lines = record["text"].split("\n")
        number = rng.randrange(len(lines))
        line, content = lines[number], lines[number].strip()
        if len(content) < 4 or content.startswith("#"):
            continue
        at = len(line) - len(line.lstrip())
        if kind == "rest of line":
            at += rng.randrange(1, len(content) - 1)
        cursors.append(
            Cursor(
                record["source"],
                record["path"],
                "\n".join([*lines[:number], line[:at]]),
                "\n" + "\n".join(lines[number + 1 :]),
                line[at:].rstrip(),
            )
        )
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
