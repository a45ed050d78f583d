"""The documents that are open, and for a while those that were, in memory alone."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from lsp_server.document import Snapshot

MAX_OTHERS = 20
MAX_CLOSED = 8
MAX_CLOSED_CHARACTERS = 1_000_000  # of all that are closed together
CLOSED_S = 600.0


@dataclass(frozen=True, slots=True)
class _File:
    snapshot: Snapshot
    closed_at: float | None = None


class RecentFiles:
    """As of the last word about each. The last used comes last."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._files: OrderedDict[str, _File] = OrderedDict()

    def __len__(self) -> int:
        return len(self._files)

    def get(self, uri: str) -> Snapshot | None:
        """A document, open or closed a while ago."""
        self._expire()
        file = self._files.get(uri)
        return file.snapshot if file is not None else None

    def others(self, uri: str) -> tuple[Snapshot, ...]:
        """Every document but one, the last used first, at most MAX_OTHERS."""
        self._expire()
        found = [file.snapshot for each, file in reversed(self._files.items()) if each != uri]
        return tuple(found[:MAX_OTHERS])

    def used(self, snapshot: Snapshot) -> None:
        """A document is open, and is this now."""
        self._files[snapshot.uri] = _File(snapshot)
        self._files.move_to_end(snapshot.uri)

    def closed(self, uri: str) -> None:
        """A document has been closed: it is kept for CLOSED_S at most, and not among too many."""
        file = self._files.get(uri)
        if file is not None and file.closed_at is None:
            self._files[uri] = _File(file.snapshot, self._clock())
            self._expire()

    def forget(self, uri: str) -> None:
        """It is not known what the document is now."""
        self._files.pop(uri, None)

    def _expire(self) -> None:
        closed = [(uri, file) for uri, file in self._files.items() if file.closed_at is not None]
        closed.sort(key=lambda each: -(each[1].closed_at or 0.0))
        characters = 0
        for count, (uri, file) in enumerate(closed, 1):
            characters += len(file.snapshot.text)
            is_old = self._clock() - (file.closed_at or 0.0) > CLOSED_S
            if is_old or count > MAX_CLOSED or characters > MAX_CLOSED_CHARACTERS:
                del self._files[uri]
