"""A text on its way from the worker, or all that came of it, for one reader after another."""

from __future__ import annotations

import asyncio
import time
from bisect import bisect_left
from enum import Enum
from typing import Literal

from inference.messages import Done, Error
from lsp_server.completion.context import plain
from lsp_server.completion.origin import Origin
from lsp_server.document import Snapshot
from lsp_server.link import Generation

NUM_AHEAD = 2
"""Lines with text that a stream runs on for without a reader. Two, because the next tells where one ends."""

# How the worker says that the model itself had no more to say, or was allowed no more.
_OWN_ENDS = frozenset({"eot", "stop"})
_ENDS = _OWN_ENDS | {"length"}

Source = Literal["model", "adopted", "recent"]


class State(Enum):
    """RUNNING until one of the others, for good.

    running ── the worker's Done ──▶ WHOLE, or STOPPED where that says that it was stopped
            ── the worker's Error ─▶ FAILED
            ── `stop` ─────────────▶ STOPPED: there may have been more to say
    """

    RUNNING = "running"
    WHOLE = "whole"
    STOPPED = "stopped"
    FAILED = "failed"


def is_ahead(text: str) -> bool:
    """Whether a text has `NUM_AHEAD` whole lines that are not blank."""
    return sum(bool(line.strip()) for line in text.split("\n")[:-1]) >= NUM_AHEAD


class Stream:
    """One Generate. While it runs it has one reader or none: `read` puts a new one in the old one's place.

    Without a reader it runs on for a while, so that the next keystroke finds it: until it is `NUM_AHEAD`
    lines ahead of where its last reader left it.
    """

    def __init__(self, origin: Origin, generation: Generation) -> None:
        """Reads the generation in a task of its own, which ends with it."""
        self.origin = origin
        self.text = ""  # line ends are \n
        self.shown = ""  # the text behind the origin as it would be with the last completion from this
        self.state = State.RUNNING
        self.generation = generation
        self.heard_s = 0.0  # by the clock of `time.perf_counter`
        self._generated = ""
        self._lengths, self._logprobs = [0], [0.0]  # of the text up to the end of each piece
        self._reader: Reader | None = None
        self._left_at = 0
        self._task = asyncio.get_running_loop().create_task(self._run())

    @property
    def is_running(self) -> bool:
        return self.state is State.RUNNING

    @property
    def is_read(self) -> bool:
        """Whether somebody waits for more of it."""
        return self._reader is not None and self.state is State.RUNNING

    @property
    def is_unread(self) -> bool:
        """Whether the model goes on with it though nobody waits."""
        return self._reader is None and self.state is State.RUNNING

    @property
    def is_whole(self) -> bool:
        """Whether the model has said all that it would, or might."""
        return self.state is State.WHOLE

    @property
    def is_truncated(self) -> bool:
        """Whether the model was not allowed to say more."""
        done = self.generation.done
        return self.state is State.WHOLE and done is not None and done.stop_reason == "length"

    def logprob(self, start: int, end: int) -> float:
        """Of text[start:end], given what is before it. That the text ends is part of its last piece; of a
        piece that is cut each part has a share by its length."""
        return self._logprob_to(end) - self._logprob_to(start)

    def _logprob_to(self, length: int) -> float:
        at = min(bisect_left(self._lengths, length), len(self._lengths) - 1)
        if at == 0:
            return 0.0
        begin, end = self._lengths[at - 1 : at + 1]
        share = min((length - begin) / (end - begin), 1.0) if end > begin else 1.0
        return self._logprobs[at - 1] + share * (self._logprobs[at] - self._logprobs[at - 1])

    def read(self, start: int, source: Source) -> Reader:
        """A reader of the text from `start` on; it is the one whose word counts from now."""
        if self._reader is not None:
            self._reader.leave()
        reader = Reader(self, start, source)
        if self.state is State.RUNNING:
            self._reader = reader
        return reader

    def leave(self, reader: Reader) -> None:
        """The reader waits no longer; the model goes on. Does nothing for one that has been replaced."""
        if self._reader is reader:
            self._reader = None
            self._left_at = len(self.text)

    def stop(self) -> None:
        """Stop the model before its next step. Does nothing after the end."""
        if self.state is State.RUNNING:
            self.state = State.STOPPED
            self.generation.cancel()
            self._tell()

    async def _run(self) -> None:
        try:
            async for chunk in self.generation:
                if self.state is not State.RUNNING:
                    return
                self.heard_s = time.perf_counter()
                self._generated += chunk
                self.text = plain(self._generated)
                self._lengths.append(len(self.text))
                self._logprobs.append(self.generation.logprob)
                if self._reader is None and is_ahead(self.text[self._left_at :]):
                    self.stop()
                self._tell()
        finally:
            if self.state is State.RUNNING:
                self.heard_s = time.perf_counter()
                self.state = self._outcome()
                self._tell()

    def _outcome(self) -> State:
        done = self.generation.done
        if done is None:
            return State.FAILED
        if done.stop_reason in _OWN_ENDS and len(self._lengths) > 1:
            self._logprobs[-1] = min(self._logprobs[-1], done.statistics.logprob)
        return State.WHOLE if done.stop_reason in _ENDS else State.STOPPED

    def _tell(self) -> None:
        if self._reader is not None:
            self._reader.wake()


class Reader:
    """An async iterator over a stream's text from a point on: at first all that there is, then as it comes.

    `source` says what the request has cost: a generation of its own, one under way that it took over, or
    nothing.
    """

    def __init__(self, stream: Stream, start: int, source: Source) -> None:
        self.source = source
        self._stream = stream
        self._start = self._at = start
        self._joined_s = time.perf_counter()
        self._has_left = False
        self._news = asyncio.Event()

    @property
    def error(self) -> Error | None:
        """What ended the generation, if that was no good end."""
        return self._stream.generation.error if self._stream.state is State.FAILED else None

    @property
    def done(self) -> Done | None:
        """The worker's last word so far."""
        return self._stream.generation.done

    @property
    def is_truncated(self) -> bool:
        return self._stream.is_truncated

    @property
    def is_running(self) -> bool:
        """Whether there may be more to come."""
        return self._stream.is_running

    @property
    def text(self) -> str:
        """All that there is to read."""
        return self._stream.text[self._start :]

    @property
    def waits_s(self) -> float:
        """For how long it has been waiting."""
        return time.perf_counter() - self._joined_s

    def logprob(self, start: int, end: int) -> float:
        """Of the characters [start, end) of what this reads, given all that is before them."""
        return self._stream.logprob(self._start + start, self._start + end)

    @property
    def waited_ms(self) -> float:
        """From this request to the last message that it needed, where it had to wait for the worker."""
        if self.source == "model":
            return self._stream.generation.waited_ms
        return max(0.0, self._stream.heard_s - self._joined_s) * 1e3

    def __aiter__(self) -> Reader:
        return self

    async def __anext__(self) -> str:
        while not self._has_left:
            if self._at < len(self._stream.text):
                piece = self._stream.text[self._at :]
                self._at = len(self._stream.text)
                return piece
            if self._stream.state is not State.RUNNING:
                break
            self._news.clear()
            await self._news.wait()
        raise StopAsyncIteration

    def leave(self) -> None:
        """Read no more, and let the model go on: the next request may fit. The iteration ends."""
        self._has_left = True
        self._stream.leave(self)
        self._news.set()

    def stop(self) -> None:
        """Stop the model too, unless this reader has left or been replaced. May be called again."""
        if not self._has_left:
            self._stream.stop()

    def has_shown(self, snapshot: Snapshot, offset: int, text: str) -> None:
        """The stream has brought `text` as the completion at `offset`."""
        origin = self._stream.origin
        if origin.is_unchanged(snapshot, offset):
            self._stream.shown = snapshot.text[origin.offset : offset] + text

    def wake(self) -> None:
        """There is news of the stream."""
        self._news.set()

    async def outcome(self) -> Done | Error:
        """The worker's last word on the generation."""
        return await self._stream.generation.outcome()
