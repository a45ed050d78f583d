"""The traces of the last requests of a session. In memory, and nowhere else."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Iterator

from lsp_server.completion.asked import Asked
from lsp_server.why.trace import Trace

NUM_TRACES = 64
NUM_WITH_TEXT = 8
"""Of the newest the document is kept as it was, for a replay: strings of their own, one for each version."""
MAX_TEXT = 1 << 20  # characters of a document that is kept


class Ring:
    """Newest first."""

    def __init__(self) -> None:
        self._traces: deque[Trace] = deque(maxlen=NUM_TRACES)
        self._numbers = itertools.count(1)

    def __iter__(self) -> Iterator[Trace]:
        return iter(self._traces)

    def begin(self, asked: Asked) -> Trace:
        """A trace for a request that has come."""
        kept = asked if len(asked.snapshot.text) <= MAX_TEXT else None
        trace = Trace(asked.snapshot.uri, next(self._numbers), asked=kept)
        self._traces.appendleft(trace)
        if len(self._traces) > NUM_WITH_TEXT:
            self._traces[NUM_WITH_TEXT].forget_text()
        return trace

    def find(self, number: int) -> Trace | None:
        """The trace of a number; None where it is forgotten."""
        return next((trace for trace in self._traces if trace.number == number), None)

    def clear(self) -> None:
        """Forget everything."""
        self._traces.clear()
