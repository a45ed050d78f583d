"""Who may answer for a document: the newest request, and only while it is not cancelled."""

from __future__ import annotations

from collections.abc import Callable


class Turn:
    """One request's right to answer. It is lost once, and never comes back."""

    __slots__ = ("_is_lost", "_on_lost")

    def __init__(self) -> None:
        self._is_lost = False
        self._on_lost: Callable[[], None] | None = None

    def on_lost(self, stop: Callable[[], None]) -> None:
        """Have `stop` called when the turn is lost; at once if it is lost already."""
        self._on_lost = stop
        if self._is_lost:
            stop()

    def is_lost(self) -> bool:
        return self._is_lost

    def lose(self) -> None:
        self._is_lost = True
        if self._on_lost is not None:
            self._on_lost()


class Turns:
    """The newest turn of each document."""

    def __init__(self) -> None:
        self._newest: dict[str, Turn] = {}

    def take(self, uri: str) -> Turn:
        """A turn for a document; whoever held it loses it now."""
        self.end(uri)
        turn = self._newest[uri] = Turn()
        return turn

    def end(self, uri: str) -> None:
        """The document changed or was closed: what is being computed for it is of no use."""
        turn = self._newest.pop(uri, None)
        if turn is not None:
            turn.lose()

    def give_back(self, uri: str, turn: Turn) -> None:
        """The request has been answered."""
        if self._newest.get(uri) is turn:
            del self._newest[uri]
