"""What is shown where a gate objects, and how much may be seen of a text that is still growing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from lsp_server.completion.gate import Gate
from lsp_server.completion.gates.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Choice:
    """The text to show, "" for none, and what the gates objected to on the way, in order."""

    text: str
    verdicts: tuple[Verdict, ...] = ()


def choose(gate: Gate, candidates: Iterable[str]) -> Choice:
    """The first candidate that passes; if none does, the whole lines of the first one that do."""
    verdicts: list[Verdict] = []
    shorter = ""
    for candidate in candidates:
        verdict = gate.objection(candidate)
        if verdict is None:
            return Choice(candidate, tuple(verdicts))
        if not verdicts:
            shorter = whole_lines(gate, candidate, verdict.at)
        verdicts.append(verdict)
    return Choice(shorter, tuple(verdicts))


def whole_lines(gate: Gate, text: str, at: int) -> str:
    """The lines of `text` that end before `at`, as many as leave nothing open and pass; "" for none."""
    while (end := text.rfind("\n", 0, at)) >= 0:
        kept = text[:end].rstrip()
        if gate.is_whole(kept) and gate.objection(kept) is None:
            return kept
        at = end
    return ""


_LONG = 12
"""Characters without a blank between; the shortest secret that is told by its shape alone has 16."""


class Reveal:
    """How much of a growing text is seen. What was seen is not taken back.

    A gate can tell of a whole line only, so where code is read a line is seen when it has ended, and
    passed. Shown as it grows, one completion in twelve would vanish again or turn into another before the
    eyes of whoever reads it (benchmarks/gates.py); the line takes the model some 50 ms.
    """

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._asked = ""
        self.seen = ""

    def grow(self, text: str) -> bool:
        """Take the text so far; whether more of it may be seen now."""
        if not self._gate.reads_code:
            ready = text[: _end_of_words(text)]
            if len(ready) <= len(self.seen) or self._gate.objection(ready) is not None:
                return False
        else:
            ready = text[: max(text.rfind("\n"), 0)].rstrip()
            if len(ready) <= len(self._asked):
                return False
            self._asked = ready
            if self._gate.objection(ready) is not None:
                return False
        if ready == self.seen:
            return False
        self.seen = ready
        return True


def _end_of_words(text: str) -> int:
    """Where prose may be seen up to: all of it, but for a last word that is long, which may become a
    secret."""
    start = 1 + max(text.rfind(blank) for blank in " \t\n")
    return start if len(text) - start >= _LONG else len(text)
