"""Where the texts around a cursor already say what now stands before it.

A suffix automaton in native code (`kernels/text`) knows the longest occurrence after every byte, at a
microsecond a token. Where it was not built, or for texts too long for it, the longest occurrence is searched
for. Both find the same.
"""

from __future__ import annotations

import weakref
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Protocol

from kernels.text import available, index
from kernels.text.interface import Index, Match

MAX_LENGTH = 64
"""Bytes. Longer occurrences are not told apart."""

MAX_OCCURRENCES = 16
REACH = 48
"""Bytes behind an occurrence that are looked at."""

MAX_INDEXED = 1 << 17
"""Bytes of both texts. The server sends 16 kB at most. An index takes 150 bytes for each.
There may be two."""

REST = 1 << 10
MAX_REST = 1 << 12
"""Bytes before the cursor that an index which outlives edits near the cursor leaves out."""

_NOWHERE = 0  # stands where the cursor is; text has no NUL


class Occurrences(Protocol):
    """The last occurrences of the longest end of some text that occurs with something behind it."""

    def grown(self, more: bytes) -> Occurrences:
        """The same for the text with `more` behind it."""
        ...

    def following(self) -> tuple[int, list[tuple[bytes, int]]]:
        """The length of what occurs in bytes, and what stands behind it how often: at most REACH bytes, of
        which those that cannot decide the first token may be left out."""
        ...

    def continuations(self) -> list[bytes]:
        """What stands behind each of the occurrences, last first, at most REACH bytes."""
        ...


@dataclass(frozen=True, slots=True)
class Searched:
    """By search. `data` are the texts before and behind the cursor, each with a NUL behind it; `context` is
    the end of the text that is looked for."""

    data: bytes
    context: bytes

    @classmethod
    def around(cls, before: bytes, behind: bytes) -> Searched:
        return cls(b"%b\0%b\0" % (before, behind), before[-MAX_LENGTH:])

    def grown(self, more: bytes) -> Searched:
        return Searched(self.data, (self.context + more)[-MAX_LENGTH:])

    def following(self) -> tuple[int, list[tuple[bytes, int]]]:
        length, ends = self._found()
        return length, list(Counter(self._behind(end) for end in ends).items())

    def continuations(self) -> list[bytes]:
        return [self._behind(end) for end in self._found()[1]]

    def _behind(self, end: int) -> bytes:
        return self.data[end : end + REACH].split(b"\0", 1)[0]

    def _found(self) -> tuple[int, list[int]]:
        # Whatever occurs, its own ends occur too: the length can be found by halving.
        context = self.context.rpartition(b"\0")[2]
        low, high = 0, len(context)
        while low < high:
            middle = (low + high + 1) // 2
            if next(self._ends(context[-middle:]), None) is None:
                high = middle - 1
            else:
                low = middle
        return low, list(islice(self._ends(context[-low:]), MAX_OCCURRENCES)) if low else []

    def _ends(self, text: bytes) -> Iterator[int]:
        """Where `text` ends, last occurrence first, if something stands behind it."""
        at = self.data.rfind(text)
        while at >= 0:
            end = at + len(text)
            if self.data[end] != _NOWHERE:
                yield end
            at = self.data.rfind(text, 0, end - 1)


class IndexedText:
    """An index, held by all that have a match in it: it must not grow while there is any."""

    __slots__ = ("__weakref__", "index")

    def __init__(self, index: Index) -> None:
        self.index = index


@dataclass(frozen=True, slots=True)
class Indexed:
    """By the index."""

    text: IndexedText
    match: Match

    def grown(self, more: bytes) -> Indexed:
        return Indexed(self.text, self.text.index.follow(self.match, more)) if more else self

    def following(self) -> tuple[int, list[tuple[bytes, int]]]:
        return self.match.length, self.text.index.following(self.match, REACH)

    def continuations(self) -> list[bytes]:
        return self.text.index.continuations(self.match, REACH)


class Unsought:
    """Looked for when they are asked for: where nothing is copied and few drafts are made, most never are."""

    __slots__ = ("_found", "_more", "_seek")

    def __init__(self, seek: Callable[[], Occurrences], more: bytes = b"") -> None:
        """`seek` finds those of a text; these are the ones of it with `more` behind it."""
        self._seek = seek
        self._more = more
        self._found: Occurrences | None = None

    def grown(self, more: bytes) -> Occurrences:
        if self._found is not None:
            return self._found.grown(more)
        return Unsought(self._seek, self._more + more)

    def following(self) -> tuple[int, list[tuple[bytes, int]]]:
        return self._sought().following()

    def continuations(self) -> list[bytes]:
        return self._sought().continuations()

    def _sought(self) -> Occurrences:
        if self._found is None:
            self._found = self._seek().grown(self._more)
        return self._found


class Surveyor:
    """Looks for occurrences around one cursor after another.

    While a line is typed the text before the cursor only grows, and the last index grows with it. Where it
    changes near the cursor, an index of what stands before that is kept, and a copy of it grows.
    """

    __slots__ = ("_before", "_behind", "_held", "_index", "_stable", "_stable_before")

    def __init__(self) -> None:
        self._before = self._stable_before = b""
        self._behind: bytes | None = None
        self._index: Index | None = None
        self._stable: Index | None = None
        self._held: weakref.ref[IndexedText] | None = None

    def occurrences(self, before: bytes, behind: bytes) -> Occurrences:
        """Those of the text `before` a cursor, in it and in the text `behind`. Neither has a NUL."""
        if len(before) + len(behind) > MAX_INDEXED or not available():
            return Searched.around(before, behind)
        text = IndexedText(self._indexed(before, behind))
        self._held = weakref.ref(text)
        return Indexed(text, text.index.match(before[-MAX_LENGTH:]))

    def _indexed(self, before: bytes, behind: bytes) -> Index:
        if self._held is not None and self._held() is not None:
            self._index = None  # it is theirs who have matches in it
        if behind != self._behind:
            self._stable = None
            self._index = _made(self._index, before, behind)
        elif self._index is not None and before.startswith(self._before):
            self._index.extend(before[len(self._before) :])
        else:
            self._index = self._edited(before, behind)
        self._before, self._behind = before, behind
        return self._index

    def _edited(self, before: bytes, behind: bytes) -> Index:
        """The second text before the same one: there may be more of them, all beginning alike."""
        rest = len(before) - len(self._stable_before)
        if self._stable is None or rest > MAX_REST or not before.startswith(self._stable_before):
            self._stable_before = before[: max(0, len(before) - REST)]
            self._stable = _made(self._stable, self._stable_before, behind)
        if self._index is None:
            edited = self._stable.copy()
        else:
            edited = self._index
            edited.assign(self._stable)
        edited.extend(before[len(self._stable_before) :])
        return edited


def _made(old: Index | None, before: bytes, behind: bytes) -> Index:
    """An index, in the memory of one that is not needed any more, if there is one."""
    if old is None:
        return index(before, behind)
    old.renew(before, behind)
    return old
