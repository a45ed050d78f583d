"""What the index knows of a file: what it defines and what it imports. Plain values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["function", "method", "class", "type", "constant"]

MAX_DEFINITIONS = 500  # of one file; what has more is a table, and its names say little
MAX_IMPORTS = 200  # of one file
MAX_NAME = 120
MAX_SIGNATURE = 240
MAX_DOC = 160


@dataclass(frozen=True, slots=True)
class Definition:
    """One definition.

    `start` and `end` are bytes of the file: from the line on which the name stands, so that decorators and
    attributes above it are left out, to the end of the body. `line` and `end_line` count from 0. `signature`
    is the header without the body, in one line, and of a constant without its value: that may be a secret.
    `doc` is the first line of the docstring or of the comment above. `container` is the class around it.
    """

    name: str
    kind: Kind
    signature: str
    doc: str
    start: int
    end: int
    line: int
    end_line: int
    container: str = ""


@dataclass(frozen=True, slots=True)
class Import:
    """One import: `module` as a path, "a/b" or "../b", and what it binds as (name here, name there).

    A module bound as a whole has "" for the name there; without names everything may come from it.
    """

    module: str
    names: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Contents:
    """All that the index keeps of a file."""

    definitions: tuple[Definition, ...] = ()
    imports: tuple[Import, ...] = ()
