"""On which line of a TOML text a field stands: `tomllib` tells of syntax errors alone."""

from __future__ import annotations

import re

Field = tuple[str | int, ...]
"""The way to a value: ("pattern", 2, "regex") for the regex of the third [[pattern]]."""

_HEADER = re.compile(r"\s*(\[\[?)\s*([^\[\]#]+?)\s*\]\]?\s*(?:#.*)?$")
_KEY = re.compile(r"\s*((?:[\w-]+|\"[^\"]*\"|'[^']*')(?:\s*\.\s*(?:[\w-]+|\"[^\"]*\"|'[^']*'))*)\s*=")
_PART = re.compile(r"[\w-]+|\"[^\"]*\"|'[^']*'")


def line_of(text: str, field: Field) -> int:
    """The line, from 1, of a field, or of the nearest thing around it that is found; 1 at worst."""
    lines = _lines(text)
    while field:
        if field in lines:
            return lines[field]
        field = field[:-1]
    return 1


def name_of(field: Field) -> str:
    """As people write it: `pattern[2].regex`."""
    name = ""
    for part in field:
        name += f"[{part}]" if isinstance(part, int) else f".{part}" if name else part
    return name


def _lines(text: str) -> dict[Field, int]:
    found: dict[Field, int] = {}
    counts: dict[Field, int] = {}
    table: Field = ()
    quotes = ""
    for number, line in enumerate(text.splitlines(), 1):
        if quotes:
            if line.count(quotes) % 2:
                quotes = ""
            continue
        if (header := _HEADER.match(line)) is not None:
            table = _parts(header[2])
            if header[1] == "[[":
                counts[table] = counts.get(table, -1) + 1
                table = (*table, counts[table])
            found.setdefault(table, number)
        elif (key := _KEY.match(line)) is not None:
            found.setdefault((*table, *_parts(key[1])), number)
        for each in ('"""', "'''"):
            if line.count(each) % 2:
                quotes = each
    return found


def _parts(dotted: str) -> Field:
    return tuple(part.strip("\"'") for part in _PART.findall(dotted))
