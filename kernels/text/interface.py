"""What the native index has, for type checkers and readers; bindings.cpp is where it is made."""

from __future__ import annotations

from typing import Protocol


class Match(Protocol):
    """The longest end of some text that an index has with something behind it, at most 64 bytes of it."""

    @property
    def length(self) -> int:
        """Bytes."""
        ...


class Index(Protocol):
    """The texts before and behind a cursor. Occurrences behind the cursor count as later ones."""

    @property
    def size(self) -> int:
        """Bytes of both texts."""
        ...

    def renew(self, before: bytes, behind: bytes) -> None:
        """Become the index of other texts, in the same memory. Matches found until now must not be used."""
        ...

    def copy(self) -> Index:
        """The same, sooner than it can be made anew."""
        ...

    def assign(self, other: Index) -> None:
        """Become a copy of `other`, in the same memory. Matches found until now must not be used."""
        ...

    def extend(self, more: bytes) -> None:
        """The text before the cursor goes on. Matches found until now must not be used any more."""
        ...

    def match(self, text: bytes) -> Match:
        """The match of `text`, in time proportional to its length."""
        ...

    def follow(self, match: Match, text: bytes) -> Match:
        """The match of what `match` is of with `text` behind it: as `match` of it all, for `text` alone."""
        ...

    def following(self, match: Match, reach: int) -> list[tuple[bytes, int]]:
        """What stands behind the last 16 occurrences and how often it does: of `reach` bytes as much as can
        decide what the first token is (token_text.h)."""
        ...

    def continuations(self, match: Match, reach: int) -> list[bytes]:
        """What stands behind the last 16 occurrences, last first: `reach` bytes or up to the text's end."""
        ...
