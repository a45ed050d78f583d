"""What may not stand in shown text, or only with a word about it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

from lsp_server.policy.regex import compiled
from lsp_server.syntax.languages import canonical

Action = Literal["off", "warn", "hide"]
ACTIONS: tuple[Action, ...] = ("off", "warn", "hide")
"""From the mildest to the strictest."""

ANYTHING = "(?s:.)"


@dataclass(frozen=True, slots=True)
class Pattern:
    """One rule about shown text. `regexes` are RE2's. No `languages`: all of them."""

    id: str
    message: str
    regexes: tuple[str, ...]
    action: Action = "hide"
    languages: frozenset[str] = frozenset()

    def find(self, before: str, text: str, after: str, language: str) -> int | None:
        """Where in `text`, which stands between two others, the first match that it has a part in begins."""
        if self.languages and canonical(language) not in map(canonical, self.languages):
            return None
        whole = (before + text + after).encode("utf-8", "replace")
        start = len(before.encode("utf-8", "replace"))
        end = start + len(text.encode("utf-8", "replace"))
        places = [
            max(start, at) for regex in self.regexes if (at := _first(regex, whole, start, end)) is not None
        ]
        if not places:
            return None
        return len(whole[start : min(places)].decode("utf-8", "ignore"))


@dataclass(frozen=True, slots=True)
class Finding:
    """A pattern was found `at` characters into a shown text."""

    pattern: Pattern
    at: int


def strictest(actions: list[Action], default: Action) -> Action:
    """Of several policies' actions for one pattern; `default` where none names it."""
    return max(actions, key=ACTIONS.index, default=default)


def _first(regex: str, whole: bytes, start: int, end: int) -> int | None:
    """Where the first match begins that overlaps [start, end)."""
    at = 0
    pattern = _compiled(regex)
    while (match := pattern.search(whole, at)) is not None and match.start() < end:
        if match.end() > start:
            return int(match.start())
        at = max(match.end(), match.start() + 1)
    return None


@lru_cache(512)
def _compiled(regex: str) -> Any:
    return compiled(regex.encode())
