"""Long work on the event loop, in slices that nobody notices."""

from __future__ import annotations

import asyncio
import time

SLICE_S = 0.0005
"""A thread would not do: it keeps the interpreter's lock for up to 5 ms, ten times as long."""


class Pace:
    """For the work of one task, whose every step is much shorter than a slice."""

    __slots__ = ("_since",)

    def __init__(self) -> None:
        self._since = time.perf_counter()

    async def rest(self) -> None:
        """Between two steps: lets everything else have a turn, if the slice is over."""
        if time.perf_counter() - self._since >= SLICE_S:
            await asyncio.sleep(0)
            self._since = time.perf_counter()
