"""The definitions behind names, as a document means them (`meaning.py`), from the index."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from inference.messages import Snippet
from lsp_server import policy
from lsp_server.index.definition import Import
from lsp_server.index.languages import language_of
from lsp_server.index.meaning import Meaning, Place, Rank, cut
from lsp_server.index.source import Stamp
from lsp_server.index.store import reader
from lsp_server.surrogates import well_formed

MAX_NAMES = 32
_PLACES = 64  # of one name; one that is defined everywhere says little
_FIND = """
SELECT d.name, d.kind, d.container, d.start, d.end, d.file, f.path, f.size, f.mtime_ns
FROM definitions AS d JOIN files AS f ON f.id = d.file
WHERE d.name = ? AND f.family = ? AND f.path != ? LIMIT ?
"""
_OWN = "SELECT name FROM definitions WHERE file = (SELECT id FROM files WHERE path = ?)"
_HEADER = "SELECT start FROM definitions WHERE file = ? AND name = ? AND kind IN ('class', 'type') LIMIT 1"


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of the index: the definitions of `names`, the most wanted first.

    `path` is the document's, from the workspace's folder; `family` its language's (`languages.family_of`).
    At most `max_snippets` of at most `room` characters each. Files in `open` are left out: what is true of
    them is in the editor.
    """

    names: tuple[str, ...]
    path: str
    family: str
    imports: tuple[Import, ...] = ()
    room: int = 480
    max_snippets: int = 2
    open: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class _Row:
    """A row of _FIND: a place, what of the file it is, and the file's number and stamp."""

    place: Place
    end: int
    file: int
    stamp: Stamp

    @classmethod
    def of(cls, row: Any) -> _Row:
        name, kind, container, start, end, file, path, size, mtime_ns = row
        return cls(Place(name, kind, container, path, start), end, file, Stamp(size, mtime_ns))


class Lookup:
    """For one thread. Reads what the worker has written so far, if anything."""

    def __init__(self, root: Path, database: Path) -> None:
        self._root = root
        self._path = database
        self._database: sqlite3.Connection | None = None
        self._inode = 0

    def find(self, question: Question) -> tuple[Snippet, ...]:
        """The definitions as snippets: the file's name, and its text from the line of the definition on.

        A file that is not now what it was when it was indexed is left out, and so is one that no longer may
        be read. Raises sqlite3.Error where there is no index yet, or it is damaged.
        """
        database = self._open()
        own = {name for (name,) in database.execute(_OWN, (question.path,))}
        meaning = Meaning(question.path, question.imports)
        best: list[tuple[Rank, _Row]] = []
        for order, name in enumerate(question.names[:MAX_NAMES]):
            if name in own:
                continue
            ranked = list(self._ranked(database, question, meaning, name, order))
            if ranked:
                best.append(min(ranked, key=lambda each: each[0]))
        found: list[Snippet] = []
        seen: set[tuple[int, int]] = set()
        for _, row in sorted(best, key=lambda each: each[0]):
            if len(found) == question.max_snippets:
                break
            key = row.file, row.place.start
            if key not in seen and (snippet := self._snippet(database, row, question)):
                seen.add(key)
                found.append(snippet)
        return tuple(found)

    def close(self) -> None:
        """Let go of the database; `find` opens it again."""
        if self._database is not None:
            self._database.close()
            self._database = None

    def _open(self) -> sqlite3.Connection:
        try:
            inode = self._path.stat().st_ino
        except OSError as error:
            raise sqlite3.OperationalError("there is no index yet") from error
        if self._database is not None and inode != self._inode:
            self.close()  # it was built anew
        if self._database is None:
            self._database, self._inode = reader(self._path), inode
        return self._database

    def _ranked(
        self, database: sqlite3.Connection, question: Question, meaning: Meaning, name: str, order: int
    ) -> Iterator[tuple[Rank, _Row]]:
        """The places where a name may be defined, each with its rank: the lowest is the likeliest."""
        wanted = meaning.there(name)
        for values in database.execute(_FIND, (wanted, question.family, question.path, _PLACES)):
            row = _Row.of(values)
            rank = meaning.rank(name, order, row.place)
            if rank is not None and row.place.path not in question.open:
                yield rank, row

    def _snippet(self, database: sqlite3.Connection, row: _Row, question: Question) -> Snippet | None:
        place = row.place
        # As the rules are now, whatever they were when it was indexed.
        rules = policy.rules_for((self._root,))
        if policy.excludes(
            "file://" + quote(str(self._root / place.path)), language_of(place.path) or "", rules
        ):
            return None
        room = 4 * question.room
        starts = [(place.start, min(row.end, place.start + room))]
        if place.container:
            header = database.execute(_HEADER, (row.file, place.container)).fetchone()
            if header is not None and header[0] < place.start:
                starts.insert(0, (header[0], header[0] + room))
        pieces = _read(self._root / place.path, row.stamp, starts)
        if pieces is None or policy.begins_a_key(pieces[-1]):
            return None
        text = pieces[-1]
        if len(pieces) == 2:  # a method goes under the first line of its class
            text = pieces[0].partition("\n")[0] + "\n" + text
        text = cut(text, question.room)
        return Snippet(place.path.rpartition("/")[2], text) if text.strip() else None


def _read(path: Path, stamp: Stamp, extents: list[tuple[int, int]]) -> list[str] | None:
    """The texts at some extents of a file, if it is what it was when it had this stamp."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        if Stamp.of(os.fstat(descriptor)) != stamp:
            return None
        pieces = [os.pread(descriptor, end - start, start) for start, end in extents]
    except OSError:
        return None
    finally:
        os.close(descriptor)
    texts = (piece.decode("utf-8", "replace").replace("\r\n", "\n").replace("\r", "\n") for piece in pieces)
    return [well_formed(text) for text in texts]
