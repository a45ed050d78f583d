"""Which request the next step belongs to."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from inference.generation import Generation


class Scheduler:
    """Requests under way: one that has just come is next, after that they take turns.

    The newest request is the one someone is waiting for; it gets the first step ahead of all others and then
    shares with them, so none starves.
    """

    __slots__ = ("_turns",)

    def __init__(self) -> None:
        self._turns: deque[Generation] = deque()

    def __len__(self) -> int:
        return len(self._turns)

    def __iter__(self) -> Iterator[Generation]:
        return iter(self._turns)

    def admit(self, generation: Generation) -> None:
        self._turns.appendleft(generation)

    def remove(self, generation: Generation) -> None:
        self._turns.remove(generation)

    def find(self, key: int) -> Generation | None:
        return next((each for each in self._turns if each.request.key == key), None)

    def of_document(self, document: str) -> Generation | None:
        """The request that a newer one of this document supersedes; "" names none."""
        return next((each for each in self._turns if document and each.request.document == document), None)

    def next(self) -> Generation | None:
        """Whose turn it is; it goes to the end of the line."""
        if not self._turns:
            return None
        self._turns.rotate(-1)
        return self._turns[-1]
