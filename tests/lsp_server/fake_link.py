"""A worker link that does what a test says, when it says so."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from dataclasses import replace

from inference.messages import Alternative, Done, Error, Generate, Odds, Statistics
from lsp_server.settings import Settings
from lsp_server.worker_link import LinkStatus

NO_STATISTICS = Statistics(0, 0, 0, 0.0, 0.0, 0.0, 0.0)


class FakeGeneration:
    """Yields what `say` is given, until `end`, `fail` or `cancel`."""

    def __init__(self, request: Generate) -> None:
        self.request = request
        self.done: Done | None = None
        self.error: Error | None = None
        self.waited_ms = 1.5
        self.logprob = 0.0
        self.alternatives: list[str] = []  # that the last word has
        self.is_silent = False  # there is no last word
        self.cancelled = asyncio.Event()  # set only by a cancel that comes before the end
        self._said = 0.0
        self._queue: asyncio.Queue[tuple[str, float] | None] = asyncio.Queue()
        self._over = asyncio.Event()
        self._ended = False

    def say(self, *chunks: str, probability: float = 1.0) -> FakeGeneration:
        """`probability` is that of the last of the chunks, given all before it."""
        for left, chunk in enumerate(chunks, 1 - len(chunks)):
            self._said += math.log(probability) if left == 0 else 0.0
            self._queue.put_nowait((chunk, self._said))
        return self

    def end(self, stop_reason: str = "eot", alternatives: list[str] | None = None) -> None:
        self.alternatives = alternatives or self.alternatives
        self._done(stop_reason)

    def end_with(self, probability: float, stop_reason: str = "eot") -> None:
        """The end itself has a probability, too."""
        self._said += math.log(probability)
        self._done(stop_reason)

    def fail(self, message: str) -> None:
        self.error = Error(self.request.id, "internal", message)
        self._stop()

    def cancel(self) -> None:
        if not self._ended:
            self.cancelled.set()
            self._done("aborted")

    def _done(self, stop_reason: str) -> None:
        others = tuple(Alternative(text, -1.0) for text in self.alternatives)
        statistics = replace(NO_STATISTICS, logprob=self._said)
        self.done = Done(self.request.id, stop_reason, statistics, others)
        self._stop()

    def _stop(self) -> None:
        self._ended = True
        self._over.set()
        self._queue.put_nowait(None)

    async def outcome(self) -> Done | Error:
        await (asyncio.Event() if self.is_silent else self._over).wait()
        last = self.done or self.error
        assert last is not None
        return last

    def __aiter__(self) -> FakeGeneration:
        return self

    async def __anext__(self) -> str:
        if self.cancelled.is_set():
            raise StopAsyncIteration
        chunk = await self._queue.get()
        if chunk is None or self.cancelled.is_set():
            self._queue.put_nowait(None)
            raise StopAsyncIteration
        text, self.logprob = chunk
        return text


class FakeLink:
    """Hands every generation to the test; answers by itself where a script is set."""

    def __init__(self, settings: Settings, on_status: Callable[[LinkStatus], None]) -> None:
        self.settings = settings
        self.calibration: tuple[Odds, ...] = ()
        self.on_status = on_status
        self.started = 0
        self.closed = 0
        self.requests: list[Generate] = []
        self.script: Callable[[FakeGeneration], None] | None = None
        self._new: asyncio.Queue[FakeGeneration] = asyncio.Queue()

    async def start(self) -> None:
        self.started += 1
        self.on_status(LinkStatus("ready", "", "fake", "none", ""))

    def generate(self, request: Generate) -> FakeGeneration:
        self.requests.append(request)
        generation = FakeGeneration(request)
        if self.script is not None:
            self.script(generation)
        else:
            self._new.put_nowait(generation)
        return generation

    async def close(self) -> None:
        self.closed += 1

    async def next_generation(self) -> FakeGeneration:
        """The oldest generation that the test has not had yet."""
        async with asyncio.timeout(10):
            return await self._new.get()

    def answer_with(self, *chunks: str) -> None:
        """From now on answer every request with these chunks."""
        self.script = lambda generation: generation.say(*chunks).end()
