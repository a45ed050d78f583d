"""Somebody who types a stretch of a file key by key, and takes what is right of what is shown."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

from benchmarks.editor import Shown
from benchmarks.replaying.added_errors import adds_errors, is_begun, misreads
from benchmarks.replaying.source_file import SourceFile
from benchmarks.replaying.stretch import Stretch, closer_of, key_at, num_keys
from benchmarks.replaying.tally import Tally
from benchmarks.replaying.verdict import Kind, Verdict, judge, words

ANSWER_TIMEOUT_S = 120.0
NUM_SETTLED = 20


class Screen(Protocol):
    """The part of an editor that is typed into (`lsp_screen.py`)."""

    def open(self, file: SourceFile, text: str, cursor: int) -> None: ...
    def put(self, text: str, replaced: int = 0, behind: str = "") -> None: ...
    async def ask(self) -> Shown: ...
    async def settle(self) -> None: ...
    def told(self, shown: Shown) -> Shown: ...
    def processor_ms(self) -> float: ...
    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Manner:
    """How to type.

    `least` keys have to be saved by what is accepted, which is looked at for `look_s` first. At `rate` keys a
    second, 0 to wait for each answer. `pairs`: the editor closes the brackets that are opened, as long as
    their line is typed. At every `probe`th key the change alone is timed; 0 for never, as at a rate.
    """

    least: int = 3
    rate: float = 0.0
    look_s: float = 0.0
    pairs: bool = True
    probe: int = 4


@dataclass(frozen=True, slots=True)
class Flaw:
    """A completion with which the text has more syntax errors than without. `right`: its author wrote it.
    `by`: "tree" found it broken, or "begun", or it was what Python's "compile" stumbles over."""

    path: str
    before: str
    text: str
    replaced: int
    right: bool
    by: str


@dataclass(slots=True)
class Times:
    """Milliseconds: of requests with a text and without one, from the request to the reply; of the server's
    processor for a request and for a change; and of a reply beyond the wait for the worker, by the clock."""

    shown: list[float] = field(default_factory=list)
    silent: list[float] = field(default_factory=list)
    request: list[float] = field(default_factory=list)
    change: list[float] = field(default_factory=list)
    beyond_worker: list[float] = field(default_factory=list)

    def add(self, other: Times) -> None:
        for name in self.__slots__:
            getattr(self, name).extend(getattr(other, name))


@dataclass(slots=True)
class Typed:
    """What came of a stretch."""

    tally: Tally
    times: Times = field(default_factory=Times)
    flaws: list[Flaw] = field(default_factory=list)


Behind = Literal["opening", "line", "line end"]
"""What a request comes after: the opening of the file, a key in a line, or a line end."""


@dataclass(frozen=True, slots=True)
class _Showing:
    """A text that was on the screen, and the document around it."""

    before: str
    after: str
    shown: Shown
    right: bool
    behind: Behind


class Typist:
    """Types into one screen."""

    def __init__(self, screen: Screen, manner: Manner) -> None:
        self._screen = screen
        self._manner = manner
        self._keys = 0
        self._settled_ms: float | None = None

    async def type(self, stretch: Stretch) -> Typed:
        """Take the stretch out of its file and type it. Raises LspError, TimeoutError."""
        if self._manner.probe and self._settled_ms is None:
            self._settled_ms = await self._settle()
        file = stretch.file
        self._screen.open(file, file.text[: stretch.start] + file.text[stretch.end :], stretch.start)
        try:
            run = _Run(self._screen, self._manner, stretch, self._settled_ms or 0.0, self._keys)
            await run.to_the_end()
        finally:
            self._screen.close()
        self._keys += run.typed.tally.requests
        return run.typed

    async def _settle(self) -> float:
        """The processor time of waiting until a server is done that has nothing to do: the median."""
        spent = []
        for _ in range(NUM_SETTLED):
            start = self._screen.processor_ms()
            await self._screen.settle()
            spent.append(self._screen.processor_ms() - start)
        return sorted(spent)[NUM_SETTLED // 2]


class _Run:
    """One stretch, from its first key to its last."""

    def __init__(
        self, screen: Screen, manner: Manner, stretch: Stretch, settled_ms: float, keys: int
    ) -> None:
        self.typed = Typed(Tally(characters=num_keys(stretch.text)))
        self._screen, self._manner, self._settled_ms, self._keys = screen, manner, settled_ms, keys
        self._stretch, self._text = stretch, stretch.file.text[: stretch.end]
        self._at = stretch.start
        self._closers: list[int] = []  # places of the brackets behind the cursor, innermost first
        self._expected = ""  # what is left of the last text, as the user has typed its beginning
        self._worded = stretch.start  # up to where words were accepted, by who accepts words
        self._pending: list[asyncio.Task[Shown]] = []
        self._showings: list[_Showing] = []

    async def to_the_end(self) -> None:
        accepted: tuple[Verdict, Shown] | None = None
        while self._at < self._stretch.end:
            if accepted is None:
                step, change = self._next_key()
            else:
                verdict, taken = accepted
                step, change = verdict.text, self._accept(verdict, taken)
                if self._manner.look_s:
                    await asyncio.sleep(self._manner.look_s)
            self._at += len(step)
            shown = await self._answer(change)
            self._expected = self._expected[len(step) :] if self._expected.startswith(step) else ""
            if shown is None or not shown.text:
                accepted, self._expected = None, ""
            else:
                accepted = self._look(shown, "line end" if "\n" in step else "line")
        async with asyncio.timeout(ANSWER_TIMEOUT_S):
            await asyncio.gather(*self._pending)
            if self._showings:
                await self._screen.settle()
        for showing in self._showings:
            self._examine(showing)

    def _next_key(self) -> tuple[str, Callable[[], None]]:
        """What is typed next, and how it is put in."""
        key = key_at(self._text, self._at)
        if self._closers and self._closers[0] == self._at:
            del self._closers[0]
            return key, lambda: self._screen.put(key, 1)
        if key.startswith("\n"):
            left = len(self._closers)
            self._closers.clear()
            return key, lambda: self._screen.put(key, left)
        place = closer_of(self._text, self._at) if self._manner.pairs else None
        if place is None:
            return key, lambda: self._screen.put(key)
        self._closers.insert(0, place)
        closer = self._text[place]
        return key, lambda: self._screen.put(key, 0, closer)

    def _accept(self, verdict: Verdict, taken: Shown) -> Callable[[], None]:
        del self._closers[: taken.replaced]
        return lambda: self._screen.put(verdict.text, taken.replaced)

    async def _answer(self, change: Callable[[], None]) -> Shown | None:
        """Make a change, and ask; None where the next key comes first."""
        tally, times = self.typed.tally, self.typed.times
        self._keys += 1
        tally.requests += 1
        if self._manner.rate:
            change()
            return await self._in_time()
        async with asyncio.timeout(ANSWER_TIMEOUT_S):
            if not self._manner.probe or self._keys % self._manner.probe:
                change()
                shown = await self._screen.ask()
                (times.shown if shown.text else times.silent).append(shown.total_ms)
                return shown
            start = self._screen.processor_ms()
            change()
            await self._screen.settle()
            changed = self._screen.processor_ms()
            shown = await self._screen.ask()
            times.change.append(max(0.0, changed - start - self._settled_ms))
            times.request.append(self._screen.processor_ms() - changed)
            return shown

    async def _in_time(self) -> Shown | None:
        """The answer, if it comes before the next key does."""
        times = self.typed.times
        task = asyncio.create_task(self._screen.ask())
        await asyncio.gather(
            asyncio.wait({task}, timeout=1 / self._manner.rate), asyncio.sleep(1 / self._manner.rate)
        )
        if not task.done():
            self.typed.tally.overtaken += 1
            self._pending.append(task)
            return None
        shown = task.result()
        (times.shown if shown.text else times.silent).append(shown.total_ms)
        return shown

    def _look(self, shown: Shown, behind: Behind) -> tuple[Verdict, Shown] | None:
        """Count a text that is on the screen, and say what of it is accepted, if anything."""
        tally, missing = self.typed.tally, self._text[self._at :]
        closers = [place - self._at for place in self._closers]
        verdict = judge(shown.text, shown.replaced, missing, closers, self._manner.least)
        wrong = verdict.kind is Kind.WRONG
        tally.shown += 1
        tally.wrong_requests += wrong
        file = self._stretch.file.text
        after = "".join(self._text[place] for place in self._closers) + file[self._stretch.end :]
        came = "opening" if tally.requests == 1 else behind
        self._showings.append(_Showing(file[: self._at], after, shown, not wrong, came))
        is_new = verdict.text != self._expected
        self._expected = verdict.text
        if is_new:
            tally.texts += 1
            tally.wrong_texts += wrong
            tally.wrong_characters += verdict.wrong
            tally.exact += verdict.kind is Kind.EXACT
            tally.prefix += verdict.kind is Kind.PREFIX
        tally.saved += verdict.saves
        self._count_words(verdict, missing, closers)
        return (verdict, shown) if verdict.accepts else None

    def _count_words(self, verdict: Verdict, missing: str, closers: list[int]) -> None:
        """What somebody does who accepts words too, and is as far as they have brought them."""
        tally = self.typed.tally
        if verdict.accepts:
            had = max(0, self._worded - self._at)
            tally.saved_with_words += max(0, num_keys(missing[had : len(verdict.text)]) - 1)
            return
        count, keys = words(verdict.text, missing, closers)
        if self._worded <= self._at and num_keys(missing[:count]) > keys:
            tally.words += 1
            tally.saved_with_words += num_keys(missing[:count]) - keys
            self._worded = self._at + count

    def _examine(self, showing: _Showing) -> None:
        """Whether the text broke the syntax, and what it cost."""
        tally, file = self.typed.tally, self._stretch.file
        shown = self._screen.told(showing.shown)
        if shown.source == "model" and shown.waited_ms is not None and shown.statistics is not None:
            self.typed.times.beyond_worker.append(shown.total_ms - shown.waited_ms)
            self._count_tokens(showing.behind, shown.statistics)
        kept = showing.after[shown.replaced :]
        texts = showing.before, shown.text, showing.after, kept, file.language
        if adds_errors(*texts):
            broken = not showing.right and not is_begun(*texts)
            tally.errors += 1
            tally.wrong_errors += not showing.right
            tally.broken += broken
            self._flaw(showing, "tree" if broken or showing.right else "begun")
        if file.language == "python" and (stumbles := misreads(showing.before, shown.text, kept)) is not None:
            tally.compiled += 1
            tally.misread += stumbles
            tally.wrong_misread += stumbles and not showing.right
            if stumbles:
                self._flaw(showing, "compile")

    def _count_tokens(self, behind: Behind, statistics: Mapping[str, float]) -> None:
        tally = self.typed.tally
        prompt, reused = int(statistics["prompt_tokens"]), int(statistics["cached_tokens"])
        if behind == "line":
            tally.line_tokens += prompt
            tally.line_reused += reused
        elif behind == "line end":
            tally.newline_tokens += prompt
            tally.newline_reused += reused

    def _flaw(self, showing: _Showing, by: str) -> None:
        shown = showing.shown
        self.typed.flaws.append(
            Flaw(
                self._stretch.file.path, showing.before[-120:], shown.text, shown.replaced, showing.right, by
            )
        )
