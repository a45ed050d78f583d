"""What a source makes of a document before it can compare it with anything."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from typing import Generic, TypeVar

from lsp_server.completion.sources.pace import Pace
from lsp_server.document import Snapshot

T = TypeVar("T")

MAX_CHARACTERS = 400_000
"""A longer document is left out: a generated file, or data."""


class Prepared(Generic[T]):
    """One result a document, for the version that it was made of."""

    def __init__(self, make: Callable[[Snapshot, Pace], Awaitable[T]]) -> None:
        self._make = make
        self._made: dict[str, tuple[Snapshot, T]] = {}

    async def of(self, snapshot: Snapshot, pace: Pace, slack: int = 0) -> T:
        """The result for a document, made now where there is none; one for a version that is longer or
        shorter by less than `slack` characters does as well."""
        before = self._made.get(snapshot.uri)
        if before is not None:
            version, made = before
            if version is snapshot or abs(len(version.text) - len(snapshot.text)) < slack:
                return made
        made = await self._make(snapshot, pace)
        self._made[snapshot.uri] = snapshot, made
        return made

    def keep(self, uris: Collection[str]) -> None:
        """Forget every other document."""
        for uri in self._made.keys() - set(uris):
            del self._made[uri]
