"""Which pieces of other files a prompt holds, and in which order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum

from inference.messages import Snippet
from lsp_server.completion.sources.query import Piece
from lsp_server.index.meaning import cut

CHARACTERS_PER_TOKEN = 3
"""Fewer than in any language that the model that ships reads, so that the worker seldom cuts."""

_FRAME_TOKENS = 10  # of a snippet: the file's name, and what sets it apart
_LEAST = 120  # characters of a piece that is cut
_ROUNDS = 2  # pieces of one kind at most


class Kind(IntEnum):
    """In the order of a prompt: what changes least often comes first."""

    DEFINITION = 0
    WINDOW = 1
    EDIT = 2


_PRIORITY = (Kind.WINDOW, Kind.DEFINITION, Kind.EDIT)  # by measurement: decisions/0024


@dataclass(frozen=True, slots=True)
class Shown:
    """A piece, and as much of it as there was room for."""

    kind: Kind
    piece: Piece
    snippet: Snippet


def fit(found: Mapping[Kind, Sequence[Piece]], before: Sequence[Shown], num_tokens: int) -> tuple[Shown, ...]:
    """The best of each kind by priority, then the second of each, as far as there is room.

    Pieces of a kind come best first. Those that were shown before go first, if they are among them; and where
    nothing else is chosen all of them stay: each that comes or goes has all behind it computed anew.
    """
    chosen = _chosen(found, before, num_tokens)
    if before and {each.piece for each in chosen} <= {each.piece for each in before}:
        return tuple(before)
    return chosen


def _chosen(
    found: Mapping[Kind, Sequence[Piece]], before: Sequence[Shown], num_tokens: int
) -> tuple[Shown, ...]:
    shown_before = {each.piece: None for each in before}
    ranked = {
        kind: [*(p for p in shown_before if p in pieces), *(p for p in pieces if p not in shown_before)]
        for kind, pieces in found.items()
    }
    room = num_tokens * CHARACTERS_PER_TOKEN
    most = max(_LEAST, room // 2)  # so that there is room for two
    chosen: list[Shown] = []
    said: set[tuple[str, str]] = set()
    for number in range(_ROUNDS):
        for kind in _PRIORITY:
            if number >= len(ranked.get(kind, ())):
                continue
            piece = ranked[kind][number]
            key = piece.snippet.path, piece.snippet.text.partition("\n")[0].strip()
            left = room - _FRAME_TOKENS * CHARACTERS_PER_TOKEN
            if key in said or left < min(_LEAST, len(piece.snippet.text)):
                continue
            said.add(key)
            snippet = _shortened(piece.snippet, min(left, most))
            room = left - len(snippet.text)
            chosen.append(Shown(kind, piece, snippet))
    place = {piece: number for number, piece in enumerate(shown_before)}
    return tuple(sorted(chosen, key=lambda each: (each.kind, place.get(each.piece, len(place)))))


def _shortened(snippet: Snippet, room: int) -> Snippet:
    if len(snippet.text) <= room:
        return snippet
    return Snippet(snippet.path, cut(snippet.text, room))
