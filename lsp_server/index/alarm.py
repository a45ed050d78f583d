"""A limit on how long a piece of work may take, for what has none of its own."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Raises TimeoutError inside the block when it has taken `seconds` of this process's CPU time.

    Of wall-clock time a busy machine would take any number. Python looks for signals between its own steps
    and within a regular expression, not within other C code.
    For a process's main thread alone, and not nested.
    """

    def ring(_: int, __: FrameType | None) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGVTALRM, ring)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)
