"""One completion on its way: the text streams out of it as the worker sends it."""

import asyncio
import time
from collections import deque
from collections.abc import Callable

from inference.messages import Chunk, Done, Error

LAST_WORD_S = 60.0
"""From a cancel to the worker's last word, which is a step of the model away: a chunk of a prompt at most."""


class Generation:
    """An async iterator over pieces of text, for one reader.

    Ends exactly once: by the worker's `done`, by an `error` (the worker's, or the link's when the worker is
    gone), or by `cancel`. What came before the end is still read first, except after `cancel`, when the
    worker's last word is waited for by `outcome` alone. `logprob` is the logarithmic probability of all text
    that has been read.
    """

    def __init__(self, identity: int, abort: Callable[[int], None], last_word_s: float = LAST_WORD_S) -> None:
        self.id = identity
        self.done: Done | None = None
        self.error: Error | None = None
        self._abort = abort
        self.logprob = 0.0
        self._chunks: deque[Chunk] = deque()
        self._last_word_s = last_word_s
        self._sent_s = self._heard_s = time.perf_counter()
        self._ended = asyncio.Event()
        self._news = asyncio.Event()
        self._over = asyncio.Event()

    @classmethod
    def failed(cls, error: Error) -> "Generation":
        """A generation that ended before it began."""
        generation = cls(error.id, lambda _id: None)
        generation.accept(error)
        return generation

    @property
    def waited_ms(self) -> float:
        """From the request to the last message before the end: what its reader waited for the worker."""
        return (self._heard_s - self._sent_s) * 1e3

    def __aiter__(self) -> "Generation":
        return self

    async def __anext__(self) -> str:
        while not self._chunks:
            if self._ended.is_set():
                raise StopAsyncIteration
            self._news.clear()
            await self._news.wait()
        chunk = self._chunks.popleft()
        self.logprob = chunk.logprob
        return chunk.text

    def cancel(self) -> None:
        """Tells the worker to stop, at once; the iteration ends. Does nothing after the end."""
        if not self._ended.is_set():
            self._end()
            self._chunks.clear()
            self._abort(self.id)

    def accept(self, message: Chunk | Done | Error) -> None:
        """Takes what the link received for it; anything after the end is ignored, text after `cancel` too."""
        if self._over.is_set():
            return
        if not self._ended.is_set():
            self._heard_s = time.perf_counter()
        if isinstance(message, Chunk):
            if not self._ended.is_set():
                self._chunks.append(message)
                self._news.set()
            return
        if isinstance(message, Done):
            self.done = message
        else:
            self.error = message
        self._end()
        self._over.set()

    async def outcome(self) -> Done | Error:
        """The worker's last word, with its statistics. After `cancel` it comes a step of the model later; an
        Error stands for one that does not come."""
        await self._ended.wait()
        try:
            async with asyncio.timeout(self._last_word_s):
                await self._over.wait()
        except TimeoutError:
            self.accept(Error(self.id, "internal", "the worker does not say how a cancelled request ended"))
        last = self.done or self.error
        assert last is not None  # noqa: S101 - `accept` sets one of them first
        return last

    def _end(self) -> None:
        self._ended.set()
        self._news.set()
