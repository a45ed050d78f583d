"""Tokens of texts that are mostly what they were a keystroke ago.

Where a tokenizer begins a new piece at every line end (`Tokenizer.parts_lines`), lines are encoded each for
itself, and those that were seen before are not encoded again. The tokens are those of the whole text.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Protocol, overload

from inference.tokenizer import Tokenizer

MAX_CHARACTERS = 1 << 17
"""Of the lines remembered for one workspace. Their tokens take some 20 bytes a character."""

MAX_WORKSPACES = 8


class Encoder(Protocol):
    """What prompts need of a tokenizer where they choose from a text what fits."""

    def encode(self, text: str) -> list[int]:
        """See `Tokenizer.encode`."""
        ...

    def encode_with_starts(self, text: str) -> tuple[list[int], Sequence[int]]:
        """See `Tokenizer.encode_with_starts`."""
        ...


@dataclass(frozen=True, slots=True)
class _Line:
    """Its token ids, and for each the index in the line of its first character."""

    ids: tuple[int, ...]
    starts: tuple[int, ...]


class _Starts(Sequence[int]):
    """Where each token of a text begins, worked out for those that are asked for."""

    __slots__ = ("_characters", "_lines", "_tokens")

    def __init__(self, lines: list[str], encoded: list[_Line]) -> None:
        self._lines = encoded
        self._characters = list(
            accumulate(map(len, lines), initial=0)
        )  # before each line, and before the end
        self._tokens = list(accumulate((len(line.ids) for line in encoded), initial=0))

    def __len__(self) -> int:
        return self._tokens[-1]

    @overload
    def __getitem__(self, index: int) -> int: ...
    @overload
    def __getitem__(self, index: slice) -> list[int]: ...
    def __getitem__(self, index: int | slice) -> int | list[int]:
        if isinstance(index, slice):
            return [self[each] for each in range(len(self))[index]]
        at = range(len(self))[index]
        number = bisect_right(self._tokens, at) - 1
        return self._characters[number] + self._lines[number].starts[at - self._tokens[number]]


class LineTokens:
    """An `Encoder` that remembers lines: as much as `MAX_CHARACTERS` of the last ones asked for.

    In two generations: a line that is asked for comes into the newer one; when that has half of what may be
    remembered, it is the older one, and the one that was is forgotten.
    """

    __slots__ = ("_new", "_num_characters", "_old", "_tokenizer")

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._new: dict[str, _Line] = {}
        self._old: dict[str, _Line] = {}
        self._num_characters = 0  # of the newer

    @property
    def num_characters(self) -> int:
        """Of all lines remembered."""
        return sum(map(len, (*self._new, *self._old)))

    def encode(self, text: str) -> list[int]:
        if not self._tokenizer.parts_lines:
            return self._tokenizer.encode(text)
        ids: list[int] = []
        for line in self._encoded(_lines(text)):
            ids += line.ids
        return ids

    def encode_with_starts(self, text: str) -> tuple[list[int], Sequence[int]]:
        if not self._tokenizer.parts_lines:
            return self._tokenizer.encode_with_starts(text)
        lines = _lines(text)
        encoded = self._encoded(lines)
        ids: list[int] = []
        for line in encoded:
            ids += line.ids
        return ids, _Starts(lines, encoded)

    def _encoded(self, lines: list[str]) -> list[_Line]:
        found = [self._new.get(line) or self._recalled(line) for line in lines]
        for first, end in _gaps(found):
            found[first:end] = self._learned(lines[first:end])
        return [line for line in found if line is not None]

    def _recalled(self, line: str) -> _Line | None:
        encoded = self._old.get(line)
        if encoded is not None:
            self._remember(line, encoded)
        return encoded

    def _learned(self, lines: list[str]) -> list[_Line]:
        """By one encoding of them all: each alone would take three times as long."""
        ids, starts = self._tokenizer.encode_with_starts("".join(lines))
        learned = []
        at = first = 0
        for line in lines:
            last = bisect_left(starts, at + len(line), first)
            encoded = _Line(tuple(ids[first:last]), tuple(start - at for start in starts[first:last]))
            self._remember(line, encoded)
            learned.append(encoded)
            at, first = at + len(line), last
        return learned

    def _remember(self, line: str, encoded: _Line) -> None:
        if self._num_characters + len(line) > MAX_CHARACTERS // 2:
            self._old, self._new, self._num_characters = self._new, {}, 0
        if len(line) <= MAX_CHARACTERS // 2 and line not in self._new:
            self._new[line] = encoded
            self._num_characters += len(line)


class WorkspaceTokens:
    """`LineTokens` for each salt: by the time that a prompt takes no workspace learns of another's lines."""

    __slots__ = ("_of_salt", "_tokenizer")

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._of_salt: OrderedDict[str, LineTokens] = OrderedDict()

    def of(self, salt: str) -> LineTokens:
        """Those of the last MAX_WORKSPACES salts asked for are kept."""
        lines = self._of_salt.pop(salt, None) or LineTokens(self._tokenizer)
        self._of_salt[salt] = lines
        if len(self._of_salt) > MAX_WORKSPACES:
            self._of_salt.popitem(last=False)
        return lines


def _lines(text: str) -> list[str]:
    r"""Parted before each \n; a line end belongs to what follows it."""
    first, *others = text.split("\n")
    lines = ["\n" + line for line in others]
    return [first, *lines] if first else lines


def _gaps(found: list[_Line | None]) -> Iterator[tuple[int, int]]:
    """The ranges of what is None."""
    first = None
    for at, line in enumerate(found):
        if line is None and first is None:
            first = at
        elif line is not None and first is not None:
            yield first, at
            first = None
    if first is not None:
        yield first, len(found)
