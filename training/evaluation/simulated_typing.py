"""Characters saved: lines typed key by key by somebody who takes every completion that is right.

After each key the model is asked for the rest of the line. Two people type the same lines: one accepts a
completion only if it is all that is missing, with one key; the other also accepts word by word, a key for
each word that is right and longer than the key. Indentation and line ends are the editor's and cost nothing.
A completion that only goes on shortening as its beginning is typed was shown once.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from training.cursors import Cursor
from training.evaluation.completer import LineCompleter
from training.evaluation.progress import Progress

_WORD = re.compile(r"\s*(?:\w+|[^\w\s]+)")


@dataclass(slots=True)
class Tally:
    """What typing some lines took. Keys and characters."""

    characters: int = 0
    keys: int = 0
    shown: int = 0
    shown_characters: int = 0
    accepted: int = 0
    accepted_characters: int = 0

    def figures(self) -> dict[str, Any]:
        """`saved` is a share of the keys; the ratios are None if nothing was accepted."""
        return {
            "characters": self.characters,
            "keys": self.keys,
            "saved": 1 - self.keys / self.characters,
            "shown": self.shown,
            "accepted": self.accepted,
            "shown_per_accepted": self.shown / self.accepted if self.accepted else None,
            "characters_shown_per_accepted": self.shown_characters / self.accepted_characters
            if self.accepted_characters
            else None,
        }


def accept_whole(shown: str, missing: str) -> tuple[int, int]:
    """Characters accepted and the keys it takes: everything that is missing, with one, or nothing."""
    return (len(missing), 1) if shown == missing and len(missing) > 1 else (0, 0)


def accept_words(shown: str, missing: str) -> tuple[int, int]:
    """Characters accepted and the keys it takes: everything with one, else words as long as they are right.

    A word is right if it is one in the text too: `count` is no beginning of `counter` to accept.
    """
    if accept_whole(shown, missing)[0]:
        return accept_whole(shown, missing)
    at = keys = 0
    while (word := _WORD.match(shown, at)) and len(word.group()) > 1:
        true = _WORD.match(missing, at)
        if true is None or true.group() != word.group():
            break
        at, keys = word.end(), keys + 1
    return at, keys


def type_line(line: str, ask: Callable[[int], str], accept: Callable[[str, str], tuple[int, int]]) -> Tally:
    """Type `line`; `ask` gives what is shown once so many characters of it stand there."""
    tally = Tally(characters=len(line))
    at, expected = 0, ""
    while at < len(line):
        shown = ask(at)
        if shown and shown != expected:
            tally.shown += 1
            tally.shown_characters += len(shown)
        count, keys = accept(shown, line[at:])
        if count:
            tally.accepted += 1
            tally.accepted_characters += count
        else:
            count = keys = 1
        # What is left of it stays on the screen if the text goes on as it does.
        expected = shown[count:] if line.startswith(shown[:count], at) else ""
        at, tally.keys = at + count, tally.keys + keys
    return tally


def simulated_typing(completer: LineCompleter, cursors: list[Cursor]) -> dict[str, Any]:
    """Both people at the full lines of `cursors`, of which there is at least one; deterministic."""
    progress = Progress("simulated typing", len(cursors))
    people = {"whole": (Tally(), accept_whole), "words": (Tally(), accept_words)}
    rows = []
    for number, cursor in enumerate(cursors, 1):
        answers: dict[int, str] = {}

        def ask(at: int, cursor: Cursor = cursor, answers: dict[int, str] = answers) -> str:
            if at not in answers:
                typed = replace(cursor.text, prefix=cursor.prefix + cursor.truth[:at])
                answer = completer.line(typed)
                answers[at] = answer.text.rstrip()
            return answers[at]

        row: dict[str, Any] = {"line": cursor.truth}
        for name, (total, accept) in people.items():
            one = type_line(cursor.truth, ask, accept)
            row[name] = one.keys
            for field in Tally.__slots__:
                setattr(total, field, getattr(total, field) + getattr(one, field))
        rows.append(row)
        progress(number)
    return {
        "lines": len(cursors),
        **{name: total.figures() for name, (total, _) in people.items()},
        "rows": rows,
    }
