"""The definitions behind names, as a document means them: through its imports first, then by name."""

from __future__ import annotations

import os
import posixpath
import re
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
from lsp_server.index.source import Stamp
from lsp_server.index.store import reader
from lsp_server.surrogates import well_formed

_Modules = dict[Import, tuple[bool, list[str]]]

MAX_NAMES = 32
_PLACES = 64  # of one name; one that is defined everywhere says little
_INDEX_FILES = frozenset({"__init__", "index", "mod", "lib", "main"})
_EXTENSION = re.compile(r"\.\w{1,4}$")
_TEST = re.compile(r"(?:^|[/_.])(?:tests?|spec|mocks?|fixtures?)(?:[/_.]|$)", re.IGNORECASE)
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
    At most `max_snippets` of at most `room` characters each.
    """

    names: tuple[str, ...]
    path: str
    family: str
    imports: tuple[Import, ...] = ()
    room: int = 480
    max_snippets: int = 2


@dataclass(frozen=True, slots=True)
class _Place:
    name: str
    kind: str
    container: str
    start: int
    end: int
    file: int
    path: str
    stamp: Stamp

    @classmethod
    def of(cls, row: Any) -> _Place:
        """Of a row of _FIND."""
        name, kind, container, start, end, file, path, size, mtime_ns = row
        return cls(name, kind, container, start, end, file, path, Stamp(size, mtime_ns))


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
        modules = {each: _module(each, question.path) for each in question.imports}
        best: list[tuple[tuple[object, ...], _Place]] = []
        for rank, name in enumerate(question.names[:MAX_NAMES]):
            if name in own:
                continue
            ranked = list(self._ranked(database, question, modules, name, rank))
            if ranked:
                best.append(min(ranked, key=lambda each: each[0]))
        found: list[Snippet] = []
        seen: set[tuple[int, int]] = set()
        for _, place in sorted(best, key=lambda each: each[0]):
            if len(found) == question.max_snippets:
                break
            if (place.file, place.start) not in seen and (
                snippet := self._snippet(database, place, question)
            ):
                seen.add((place.file, place.start))
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
        self, database: sqlite3.Connection, question: Question, modules: _Modules, name: str, rank: int
    ) -> Iterator[tuple[tuple[object, ...], _Place]]:
        """The places where a name may be defined, each with its rank: the lowest is the likeliest."""
        bound = [(each, there) for each in modules for here, there in each.names if here == name]
        wanted = bound[0][1] if bound and bound[0][1] else name
        sources = [modules[each] for each, _ in bound] or [
            modules[each] for each in modules if not each.names or any(not there for _, there in each.names)
        ]
        rows = database.execute(_FIND, (wanted, question.family, question.path, _PLACES))
        for row in rows:
            place = _Place.of(row)
            stem = _stem(place.path)
            near = max((_agreement(each, stem) for each in sources), default=0)
            if bound and not near:
                continue  # it comes from elsewhere, and only its name is the same
            if place.kind == "constant" and not bound:
                continue
            yield (
                (
                    not near,
                    bool(place.container),
                    bool(_TEST.search(place.path)),
                    rank,
                    -near,
                    -_shared(place.path, question.path),
                    place.path.count("/"),
                    place.path,
                    place.start,
                ),
                place,
            )

    def _snippet(self, database: sqlite3.Connection, place: _Place, question: Question) -> Snippet | None:
        # As the rules are now, whatever they were when it was indexed.
        rules = policy.rules_for((self._root,))
        if policy.excludes(
            "file://" + quote(str(self._root / place.path)), language_of(place.path) or "", rules
        ):
            return None
        room = 4 * question.room
        starts = [(place.start, min(place.end, place.start + room))]
        if place.container:
            header = database.execute(_HEADER, (place.file, place.container)).fetchone()
            if header is not None and header[0] < place.start:
                starts.insert(0, (header[0], header[0] + room))
        pieces = _read(self._root / place.path, place.stamp, starts)
        if pieces is None or policy.begins_a_key(pieces[-1]):
            return None
        text = pieces[-1]
        if len(pieces) == 2:  # a method goes under the first line of its class
            text = pieces[0].partition("\n")[0] + "\n" + text
        text = _cut(text, question.room)
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


def _cut(text: str, room: int) -> str:
    """Whole lines, where the first fits."""
    if len(text) < room:
        return text + "\n"
    return text[: text.rfind("\n", 0, room) + 1] or text[:room]


def _module(imported: Import, document: str) -> tuple[bool, list[str]]:
    """Whether an import names one place, seen from the document, and the parts of its module's path."""
    module = _EXTENSION.sub("", imported.module).lower()
    if not module.startswith("."):
        return False, [part for part in module.split("/") if part]
    path = posixpath.normpath(posixpath.join(posixpath.dirname(document.lower()), module))
    return True, [] if path == "." else path.split("/")


def _stem(path: str) -> list[str]:
    """The parts of the path under which a file is imported."""
    stem = _EXTENSION.sub("", path).lower().split("/")
    return stem[:-1] if stem[-1] in _INDEX_FILES and len(stem) > 1 else stem


def _agreement(module: tuple[bool, list[str]], stem: list[str]) -> int:
    """How many last parts of a module's path a file's, or its folder's, agrees with; 0 for no.

    1 at least where the file lies somewhere inside the module, which may hand out what is defined there.
    """
    is_exact, parts = module
    if is_exact:
        if stem == parts:
            return 100
        return 50 if stem[:-1] == parts else 0
    if not parts or parts[-1] not in stem:
        return 0
    return max(1, _common_end(parts, stem), _common_end(parts, stem[:-1]))


def _common_end(first: list[str], second: list[str]) -> int:
    count = 0
    for one, other in zip(reversed(first), reversed(second), strict=False):
        if one != other:
            break
        count += 1
    return count


def _shared(first: str, second: str) -> int:
    """How many folders two paths have in common from the top."""
    count = 0
    for one, other in zip(first.split("/")[:-1], second.split("/")[:-1], strict=False):
        if one != other:
            break
        count += 1
    return count
