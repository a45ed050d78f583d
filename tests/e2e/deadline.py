"""Waiting for something in another process to come true."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

# Generous: a machine that also trains a model, or runs four other jobs, is slow, not wrong.
PATIENCE_S = 120.0
INTERVAL_S = 0.1
SETTLED_S = 2.0


def eventually(probe: Callable[[], T], what: str, patience_s: float = PATIENCE_S) -> T:
    """Polls until `probe` gives something true, and returns that. Raises AssertionError if it never does."""
    deadline = time.monotonic() + patience_s
    while not (seen := probe()):
        if time.monotonic() > deadline:
            raise AssertionError(f"never came true: {what}; last seen: {seen!r}")
        time.sleep(INTERVAL_S)
    return seen


def settled(probe: Callable[[], T], what: str, settled_s: float = SETTLED_S) -> T:
    """Polls until `probe` has given the same true thing for `settled_s` seconds, and returns that.

    Raises AssertionError if it gives nothing true for too long.
    """
    last, since = eventually(probe, what), time.monotonic()
    while time.monotonic() - since < settled_s:
        time.sleep(INTERVAL_S)
        seen = eventually(probe, what)
        if seen != last:
            last, since = seen, time.monotonic()
    return last
