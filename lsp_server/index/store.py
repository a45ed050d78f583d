"""The index on disk: one sqlite database a workspace, written by its worker and read by its server.

It is a cache: whatever is wrong with it, it is thrown away and built again. Two servers on one workspace have
a worker each, and both write; a batch is one transaction, and what it says of a file replaces what was there.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from lsp_server.index.definition import Contents, Definition
from lsp_server.index.location import SCHEMA
from lsp_server.index.source import Stamp

logger = logging.getLogger(__name__)

BUSY_MS = 10_000  # how long to wait for another server's batch
_APPLICATION = 0x4D69_6446  # "MidF", so that no other program's file is taken for ours
_CACHE_KIB = 4_000
_MAX_PAGES = 65_536  # 256 MiB; 10,000 files take some 25
_TABLES = """
CREATE TABLE files (
    id INTEGER PRIMARY KEY, path TEXT NOT NULL UNIQUE, family TEXT NOT NULL, size INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL, imports TEXT NOT NULL
);
CREATE TABLE definitions (
    file INTEGER NOT NULL REFERENCES files (id) ON DELETE CASCADE, name TEXT NOT NULL, kind TEXT NOT NULL,
    container TEXT NOT NULL, signature TEXT NOT NULL, doc TEXT NOT NULL, start INTEGER NOT NULL,
    end INTEGER NOT NULL, line INTEGER NOT NULL, end_line INTEGER NOT NULL
);
CREATE INDEX definitions_by_name ON definitions (name);
CREATE INDEX definitions_by_file ON definitions (file);
"""


@dataclass(frozen=True, slots=True)
class Entry:
    """A file as it is to be kept."""

    path: str
    family: str
    stamp: Stamp
    contents: Contents


class _UnusableError(Exception):
    """The file is no index, not of this version, or damaged."""


class Store:
    """The writer's end. Raises sqlite3.Error where the disk is full or fails."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database

    @classmethod
    def open(cls, path: Path) -> Store:
        """Open the index, or make an empty one where there is none that can be used, with a line in the log.

        Raises OSError, sqlite3.Error: the file system has no locks, the disk is full.
        """
        # The lock lets one of two writers see that the other has made it anew already.
        with _locked(path.with_suffix(".lock")):
            try:
                return cls(_opened(path))
            except sqlite3.OperationalError:  # locked, full, no permission: nothing is wrong with it
                raise
            except (_UnusableError, sqlite3.DatabaseError) as error:
                logger.warning("the index %s is built anew: %s", path.name, error)
                for each in (path, Path(f"{path}-wal"), Path(f"{path}-shm")):
                    each.unlink(missing_ok=True)
                return cls(_opened(path))

    def known(self) -> dict[str, Stamp]:
        """What is indexed, by path."""
        rows = self._database.execute("SELECT path, size, mtime_ns FROM files")
        return {path: Stamp(size, mtime_ns) for path, size, mtime_ns in rows}

    def write(self, entries: Sequence[Entry], gone: Iterable[str] = ()) -> None:
        """Keep the entries and forget the paths that are gone, all or nothing."""
        with self._transaction() as database:
            database.executemany("DELETE FROM files WHERE path = ?", [(path,) for path in gone])
            for entry in entries:
                database.execute("DELETE FROM files WHERE path = ?", (entry.path,))
                row = database.execute(
                    "INSERT INTO files (path, family, size, mtime_ns, imports) VALUES (?, ?, ?, ?, ?)",
                    (entry.path, entry.family, entry.stamp.size, entry.stamp.mtime_ns, _imports(entry)),
                ).lastrowid
                database.executemany(
                    "INSERT INTO definitions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    [(row, *_row(definition)) for definition in entry.contents.definitions],
                )

    def close(self) -> None:
        self._database.close()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        self._database.execute("BEGIN IMMEDIATE")
        try:
            yield self._database
        except BaseException:
            with suppress(sqlite3.Error):  # a full disk has rolled it back already
                self._database.execute("ROLLBACK")
            raise
        self._database.execute("COMMIT")


def reader(path: Path) -> sqlite3.Connection:
    """A connection that only reads, for one thread at a time. Raises sqlite3.Error where there is no index.

    Names come from files: they are only ever parameters.
    """
    database = sqlite3.connect(f"{path.as_uri()}?mode=rw", uri=True, timeout=0.01, check_same_thread=False)
    try:
        database.execute("PRAGMA query_only = ON")
        database.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
        if _version(database) != (_APPLICATION, SCHEMA):
            raise sqlite3.DatabaseError("not an index of this version")
    except BaseException:
        database.close()
        raise
    return database


def _opened(path: Path) -> sqlite3.Connection:
    # sqlite's own files take over the mode of this one.
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        os.fchmod(descriptor, 0o600)
    finally:
        os.close(descriptor)
    database = sqlite3.connect(path, timeout=BUSY_MS / 1000, isolation_level=None)
    try:
        for pragma in (
            "trusted_schema = OFF", "foreign_keys = ON", f"cache_size = -{_CACHE_KIB}",
            f"max_page_count = {_MAX_PAGES}", "journal_mode = WAL", "synchronous = NORMAL",
        ):  # fmt: skip
            database.execute(f"PRAGMA {pragma}").fetchall()
        version = _version(database)
        if version == (0, 0) and not database.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone():
            database.executescript(
                f"BEGIN IMMEDIATE; {_TABLES} PRAGMA application_id = {_APPLICATION};"
                f"PRAGMA user_version = {SCHEMA}; COMMIT;"
            )
        elif version != (_APPLICATION, SCHEMA):
            raise _UnusableError(f"it is of version {version[1]}, not {SCHEMA}")
        (state,) = database.execute("PRAGMA quick_check(1)").fetchone()
        if state != "ok":
            raise _UnusableError(f"it is damaged: {state.splitlines()[-1]:.80}")
    except BaseException:
        database.close()
        raise
    return database


def _version(database: sqlite3.Connection) -> tuple[int, int]:
    (application,) = database.execute("PRAGMA application_id").fetchone()
    (version,) = database.execute("PRAGMA user_version").fetchone()
    return application, version


def _row(each: Definition) -> tuple[str | int, ...]:
    texts = (each.name, each.kind, each.container, each.signature, each.doc)
    return (*texts, each.start, each.end, each.line, each.end_line)


def _imports(entry: Entry) -> str:
    return json.dumps([[each.module, each.names] for each in entry.contents.imports], separators=(",", ":"))


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
