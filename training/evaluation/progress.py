"""How far a measure has come."""

from __future__ import annotations

import sys
import time


class Progress:
    """A counter on a terminal, silent in a pipe."""

    def __init__(self, what: str, total: int) -> None:
        self._what, self._total, self._started = what, total, time.monotonic()

    def __call__(self, done: int) -> None:
        if sys.stderr.isatty():
            left = (time.monotonic() - self._started) / done * (self._total - done)
            line = f"\r{self._what}: {done}/{self._total}, {left:.0f} s left "
            print(line, end="\n" if done == self._total else "", file=sys.stderr, flush=True)
