"""Definitions behind the names near the cursor, in files that are open or were: by their syntax trees."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from lsp_server.completion.sources.pace import Pace
from lsp_server.completion.sources.prepared import MAX_CHARACTERS, Prepared
from lsp_server.completion.sources.query import Piece, Query, family, path_in_workspace
from lsp_server.document import Snapshot
from lsp_server.index.definition import Definition
from lsp_server.index.definitions import LANGUAGES, definitions_in
from lsp_server.index.meaning import Meaning, Place, Rank, cut

_ROOM = 480  # characters of one; as in `index/lookup.py`
_MAX_PIECES = 4
_MAX_NAMES = 32
# What the cursor's own file defines is asked of a version that is longer or shorter by less than this.
_SLACK = 2000

_ByName = Mapping[str, tuple[Definition, ...]]


@dataclass(frozen=True, slots=True)
class _Found:
    snapshot: Snapshot
    definition: Definition


class OpenDefinitions:
    """Works without an index, and knows what has not been saved. `root` tells the URI of the workspace."""

    def __init__(self, root: Callable[[], str]) -> None:
        self._root = root
        self._defined = Prepared(_by_name)

    async def find(self, query: Query, pace: Pace) -> tuple[Piece, ...]:
        """The text from each definition on, of a method under the first line of its class."""
        others = [each for each in query.others if _is_read(each) and family(each) == query.family]
        self._defined.keep([query.snapshot.uri, *(each.uri for each in query.others)])
        if not others or not query.names:
            return ()
        own: _ByName = {}
        if _is_read(query.snapshot):
            own = await self._defined.of(query.snapshot, pace, _SLACK)
        meaning = Meaning(path_in_workspace(query.snapshot.uri, self._root()), query.imports)
        best: dict[str, tuple[Rank, _Found]] = {}
        for snapshot in others:
            defined = await self._defined.of(snapshot, pace)
            path = path_in_workspace(snapshot.uri, self._root())
            for order, name in enumerate(query.names[:_MAX_NAMES]):
                if name in own:
                    continue
                for rank, definition in _ranked(defined, meaning, name, order, path):
                    if name not in best or rank < best[name][0]:
                        best[name] = rank, _Found(snapshot, definition)
                    await pace.rest()
        found: dict[Piece, None] = {}
        for _, each in sorted(best.values(), key=lambda pair: pair[0]):
            piece = query.piece(each.snapshot, _text(each, await self._defined.of(each.snapshot, pace)))
            if piece is not None:
                found[piece] = None
            if len(found) == _MAX_PIECES:
                break
        return tuple(found)


def _is_read(snapshot: Snapshot) -> bool:
    tree = snapshot.tree
    return tree is not None and tree.grammar.name in LANGUAGES and len(snapshot.text) <= MAX_CHARACTERS


async def _by_name(snapshot: Snapshot, pace: Pace) -> _ByName:
    """What a document defines. It has a tree."""
    if snapshot.tree is None:
        return {}
    steps = definitions_in(snapshot.tree.root, snapshot.tree.utf8.data, snapshot.tree.grammar.name)
    defined: dict[str, list[Definition]] = defaultdict(list)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            for definition in end.value:
                defined[definition.name].append(definition)
            return {name: tuple(listed) for name, listed in defined.items()}
        await pace.rest()


def _ranked(
    defined: _ByName, meaning: Meaning, name: str, order: int, path: str
) -> Iterator[tuple[Rank, Definition]]:
    for definition in defined.get(meaning.there(name), ()):
        place = Place(definition.name, definition.kind, definition.container, path, definition.start)
        rank = meaning.rank(name, order, place)
        if rank is not None:
            yield rank, definition


def _text(found: _Found, defined: _ByName) -> str:
    tree, definition = found.snapshot.tree, found.definition
    if tree is None:
        return ""
    data, room = tree.utf8.data, 4 * _ROOM

    def read(start: int, end: int) -> str:
        return data[start : min(end, start + room)].decode("utf-8", "replace")

    text = read(definition.start, definition.end)
    for holder in defined.get(definition.container, ()):
        if holder.kind in ("class", "type") and holder.start < definition.start:
            text = read(holder.start, holder.end).partition("\n")[0] + "\n" + text
            break
    return cut(text, _ROOM)
