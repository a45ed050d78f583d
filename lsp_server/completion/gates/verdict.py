"""What a gate objects to."""

from dataclasses import dataclass
from typing import Literal

Gate = Literal["blank", "hidden", "syntax", "name", "sense", "secret", "policy"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """An objection of a gate. `text` is what it objects to, a part of the completion that begins `at`
    characters into it."""

    gate: Gate
    text: str
    at: int
