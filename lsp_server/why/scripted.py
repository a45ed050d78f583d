"""A worker that says again what one has said."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass

from inference.messages import Alternative, Done, Error, Generate, Odds, Statistics


@dataclass(frozen=True, slots=True)
class Script:
    """What a worker said to one request: pieces, each with the logarithmic probability of the text up to
    its end; then an error, or how it stopped and what else it had weighed."""

    chunks: tuple[tuple[str, float], ...]
    stop_reason: str
    logprob: float
    alternatives: tuple[Alternative, ...] = ()
    calibration: tuple[Odds, ...] = ()
    error: str = ""


class ScriptedGeneration:
    """One answer of a script, without any delay."""

    def __init__(self, script: Script) -> None:
        self.done: Done | None = None
        self.error: Error | None = None
        self.logprob = 0.0
        self.waited_ms = 0.0
        self._script = script
        self._chunks = deque(script.chunks)

    def __aiter__(self) -> ScriptedGeneration:
        return self

    async def __anext__(self) -> str:
        await asyncio.sleep(0)
        if not self._chunks:
            self._end(self._script.stop_reason)
            raise StopAsyncIteration
        text, self.logprob = self._chunks.popleft()
        return text

    def cancel(self) -> None:
        self._chunks.clear()
        self._end("aborted")

    async def outcome(self) -> Done | Error:
        self._end(self._script.stop_reason)
        last = self.done or self.error
        assert last is not None  # noqa: S101 - `_end` sets one of them
        return last

    def _end(self, reason: str) -> None:
        if self.done is not None or self.error is not None:
            return
        if self._script.error:
            self.error = Error(0, "internal", self._script.error)
            return
        statistics = Statistics(0, 0, len(self._script.chunks), 0.0, 0.0, 0.0, 0.0, self._script.logprob)
        self.done = Done(0, reason, statistics, self._script.alternatives)


class ScriptedLink:
    """Answers every request with one script."""

    def __init__(self, script: Script) -> None:
        self.calibration = script.calibration
        self.snippet_tokens = 0  # what a replay shows of other files it has itself
        self._script = script

    async def start(self) -> None:
        return

    def generate(self, request: Generate) -> ScriptedGeneration:
        return ScriptedGeneration(self._script)

    async def close(self) -> None:
        return
