"""Reading a text by a lexicon: what is open at each point."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache

from lsp_server.line_index import LineIndex
from lsp_server.syntax.lexicon import Delimited, Lexicon

_BLOCK = 16  # lines
_PAIR = {"(": ")", "[": "]", "{": "}"}


@dataclass(frozen=True, slots=True)
class Opening:
    """A bracket that is open. `resumes` is the string that its embedded code stands in, if it is such."""

    offset: int
    mark: str
    resumes: Delimited | None = None

    @property
    def closing(self) -> str:
        return _PAIR[self.mark[-1]]


@dataclass(frozen=True, slots=True)
class State:
    """What is open at a point: brackets, outermost first, and the comment or string around the point."""

    stack: tuple[Opening, ...] = ()
    inside: Delimited | None = None
    since: int = 0  # where `inside` opened

    @property
    def in_code(self) -> bool:
        return self.inside is None


class Kind(Enum):
    """What happens at an event."""

    OPEN = "open"
    CLOSE = "close"
    NEWLINE = "newline"
    BEGIN = "begin"  # of a comment or a string
    END = "end"


@dataclass(frozen=True, slots=True)
class Event:
    """Something between the offsets `start` and `end`; `after` is the state behind it.

    A CLOSE whose bracket was not the last one open drops those that it skipped; one without any partner
    leaves the stack as it was, and `stray` says so. The END of a line comment is its line end, followed by
    that NEWLINE.
    """

    kind: Kind
    start: int
    end: int
    after: State
    stray: bool = False


def scan(lexicon: Lexicon, text: str, start: int, stop: int, state: State, base: int = 0) -> Iterator[Event]:
    """The events in text[start:stop], read from `state`, in order. `base` is where `text` itself begins."""
    at = start
    while at < stop:
        pattern = lexicon.outer if state.inside is None else _inner(lexicon, state.inside)
        match = pattern.search(text, at, stop)
        if match is None:
            return
        at = match.end()
        first, last = base + match.start(), base + at
        event = (
            _outer_event(lexicon, state, match.lastgroup or "", match.group(), first, last)
            if state.inside is None
            else _inner_event(state, state.inside, match.lastgroup or "", first, last)
        )
        if event is None:
            continue
        yield event
        state = event.after
        if event.kind is Kind.END and match.lastgroup == "newline":
            yield Event(Kind.NEWLINE, first, last, state)


def scan_lines(lexicon: Lexicon, text: str, start: int, stop: int, lines: LineIndex) -> list[Event]:
    r"""As `scan`, with nothing open at `start`; `lines` are those of `text`.

    Blocks of lines are remembered: while somebody types, all but the last stay what they were. They are cut
    behind a \n, which is within no mark.
    """
    events: list[Event] = []
    state = State()
    while start < stop:
        number = (lines.line_at(start) // _BLOCK + 1) * _BLOCK
        while number < len(lines) and text[lines.start(number) - 1] != "\n":
            number += _BLOCK
        end = min(lines.start(number), stop) if number < len(lines) else stop
        before = max(0, start - 1)  # marks may depend on it
        events += _block(lexicon, text[before:end], start - before, before, state)
        state = events[-1].after if events else state
        start = end
    return events


@lru_cache(maxsize=64)
def _block(lexicon: Lexicon, text: str, start: int, base: int, state: State) -> tuple[Event, ...]:
    return tuple(scan(lexicon, text, start, len(text), state, base))


def _inner(lexicon: Lexicon, inside: Delimited) -> re.Pattern[str]:
    return lexicon.inner.get(inside.opening) or inside.inner()


def _outer_event(
    lexicon: Lexicon, state: State, group: str, token: str, start: int, end: int
) -> Event | None:
    stack = state.stack
    if group == "newline":
        return Event(Kind.NEWLINE, start, end, state)
    if group == "open":
        return Event(Kind.OPEN, start, end, State((*stack, Opening(start, token))))
    if group == "close":
        for depth in range(len(stack) - 1, -1, -1):
            if stack[depth].closing == token:
                return Event(Kind.CLOSE, start, end, State(stack[:depth], stack[depth].resumes, start))
        return Event(Kind.CLOSE, start, end, state, stray=True)
    if group == "mark":
        mark = next(mark for mark in lexicon.delimited if mark.opening == token)
        return Event(Kind.BEGIN, start, end, State(stack, mark, start))
    if group == "raw":
        closing = '"' + "#" * token.count("#")
        return Event(
            Kind.BEGIN,
            start,
            end,
            State(stack, Delimited(token, closing, multiline=True, escape=False), start),
        )
    return None  # a character literal


def _inner_event(state: State, inside: Delimited, group: str, start: int, end: int) -> Event | None:
    if group == "embed":
        return Event(Kind.OPEN, start, end, State((*state.stack, Opening(start, inside.embeds, inside))))
    if group == "close":
        return Event(Kind.END, start, end, State(state.stack))
    if group == "newline":
        # A string that must not span lines ends with its line, closed or not.
        if inside.multiline:
            return Event(Kind.NEWLINE, start, end, state)
        return Event(Kind.END, start, start, State(state.stack))
    return None
