"""Has the worker read, ahead of time, what the next request will probably begin with."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from lsp_server import policy
from lsp_server.completion.means import Means
from lsp_server.completion.request import request
from lsp_server.document import Snapshot

PAUSE_S = 0.3
"""A cursor that has rested for so long may stay; who types asks sooner than that."""


class Primer:
    """Of all wishes the newest is granted, once nothing else has happened for a while and the model is free.

    The worker computes the prompt and no text, and only while no client of it waits for anything.
    """

    def __init__(self, spawn: Callable[[Coroutine[Any, Any, None]], None]) -> None:
        """`spawn` runs something in the background while the session lasts."""
        self._spawn = spawn
        self._wish: object | None = None

    def wish(
        self, snapshot: Snapshot, offset: int, means: Means, is_current: Callable[[Snapshot], bool]
    ) -> None:
        """The cursor seems to be at `offset`."""
        if means.settings.has("prime"):
            self._wish = wish = object()
            self._spawn(self._grant(wish, snapshot, offset, means, is_current))

    def forget(self) -> None:
        """A request has come, which has the worker read what it needs."""
        self._wish = None

    async def _grant(
        self,
        wish: object,
        snapshot: Snapshot,
        offset: int,
        means: Means,
        is_current: Callable[[Snapshot], bool],
    ) -> None:
        await asyncio.sleep(PAUSE_S)
        if self._wish is not wish or policy.refuses(
            snapshot.uri, snapshot.language, snapshot.text, means.settings
        ):
            return
        snippets = await means.near(snapshot, offset) if means.near is not None else ()
        if self._wish is not wish or means.recent.is_running or not is_current(snapshot):
            return
        # A purpose of its own, so that it supersedes nothing.
        asks = request(snapshot, offset, 0, means.salt, snippets, purpose="prime")
        means.recent.prime(lambda: means.link.generate(asks))
