"""One edit of a text."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Replacement:
    """`text` in the place of [start, end), offsets of the text before it."""

    start: int
    end: int
    text: str

    def applied(self, text: str) -> str:
        """The text after it."""
        return "".join((text[: self.start], self.text, text[self.end :]))
