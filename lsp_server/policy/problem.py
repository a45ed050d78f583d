"""What is wrong in a policy file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Problem:
    """`line` counts from 1; `field` is as people write it, "" for the whole file. `effect` is the strictest
    reading, which applies."""

    path: Path
    line: int
    field: str
    message: str
    effect: str

    def __str__(self) -> str:
        field = f"{self.field}: " if self.field else ""
        return f"{self.path}, line {self.line}: {field}{self.message} Until it is mended, {self.effect}."
