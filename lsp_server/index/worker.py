"""The process that keeps a workspace's index: `python -m lsp_server.index.worker ROOT DATABASE`.

It walks, has files parsed, and writes; the server only reads what is written. Orders are lines of JSON on
stdin, reports are lines of JSON on stdout, and the end of stdin is the end of the process:

    {"do": "scan", "number": 1}         look at every file of the workspace
    {"do": "update", "paths": [...], …} look at these, from the workspace's folder
    {"do": "pause", "seconds": 1.0}     the user types: begin with no further file for so long
    {"do": "stop"}                      forget what is still to be done

    {"done": 120, "total": 10000}       now and then
    {"idle": true, "number": 2}         all is done, up to the order of this number
"""

from __future__ import annotations

import json
import logging
import os
import selectors
import sqlite3
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from inference.transport import try_lock
from lsp_server.index.languages import RULES, family_of, language_of
from lsp_server.index.parsers import Parsed, Parsers
from lsp_server.index.store import Entry, Store
from lsp_server.index.walk import Found, look, walk

logger = logging.getLogger(__name__)

_BATCH = 200  # files in one transaction, which takes some 20 ms
_BATCH_S = 2.0  # or as many as there are after so long
_REPORT_S = 0.25
_REST_S = 20.0  # without anything to do, after which the parsers end
_MAX_PARSERS = 2
_MAX_PAUSE_S = 5.0
_MAX_ORDER = 1 << 20
_TURN_S = 2.0  # between two looks at whether another server's worker has ended its scan


class Worker:
    """One workspace's index, from the worker's side."""

    def __init__(self, root: Path, store: Store, turns: Path, orders: int, reports: int) -> None:
        """Whoever scans has the lock `turns`. `orders` and `reports` are descriptors to read and to write."""
        self._root = root
        self._store = store
        self._turns = turns
        self._orders = orders
        self._reports = reports
        self._selector = selectors.DefaultSelector()
        self._selector.register(orders, selectors.EVENT_READ, None)
        self._parsers = Parsers(root, min(_MAX_PARSERS, os.cpu_count() or 1), self._selector)
        self._unread = b""
        self._todo: dict[str, Found] = {}
        self._batch: list[Entry] = []
        self._gone: list[str] = []
        self._written_at = self._reported_at = self._busy_at = time.monotonic()
        self._paused_until = 0.0
        self._total = self._done = self._number = 0
        self._turn: int | None = None  # the lock of a scan that goes on
        self._scan_at: float | None = None
        self._is_working = False
        self._is_over = False

    def run(self) -> None:
        """Work until stdin ends. Raises sqlite3.Error, OSError."""
        try:
            while not self._is_over:
                if self._scan_at is not None and time.monotonic() >= self._scan_at:
                    self._scan()
                self._feed()
                for key, _ in self._selector.select(self._patience()):
                    if key.data is None:
                        self._hear()
                    else:
                        self._take(self._parsers.take(key.data))
                self._take(self._parsers.overdue())
                self._settle()
        finally:
            self._parsers.close()
            self._selector.close()
            self._end_turn()

    def _feed(self) -> None:
        while self._todo and self._parsers.has_room and time.monotonic() >= self._paused_until:
            path = next(iter(self._todo))
            self._parsers.give(self._todo.pop(path))

    def _patience(self) -> float | None:
        """How long to wait for something to happen, in seconds; None for as long as it takes."""
        if self._todo:
            return max(0.05, min(1.0, self._paused_until - time.monotonic()))
        if self._is_working or self._scan_at is not None:
            return 1.0
        return _REST_S

    def _take(self, parsed: Iterator[Parsed]) -> None:
        for each in parsed:
            self._done += 1
            language = language_of(each.path)
            if each.stamp is None or language is None:
                self._gone.append(each.path)  # it is there no more, or will be looked at when it next changes
            else:
                self._batch.append(Entry(each.path, family_of(language), each.stamp, each.contents))

    def _settle(self) -> None:
        """Write what is due, report, and rest."""
        now = time.monotonic()
        is_idle = not self._todo and self._scan_at is None and self._parsers.is_idle
        due = len(self._batch) >= _BATCH or now - self._written_at > _BATCH_S or is_idle
        if due and (self._batch or self._gone):
            self._store.write(self._batch, self._gone)
            self._batch, self._gone, self._written_at = [], [], now
        if is_idle and self._is_working:
            self._is_working, self._busy_at = False, now
            self._end_turn()
            self._say({"idle": True, "number": self._number})
            self._total = self._done = 0
        elif self._total and now - self._reported_at > _REPORT_S:
            self._reported_at = now
            self._say({"done": self._done, "total": self._total})
        elif is_idle and now - self._busy_at > _REST_S:
            self._parsers.close()

    def _hear(self) -> None:
        piece = os.read(self._orders, 1 << 16)
        if not piece or len(self._unread) > _MAX_ORDER:
            self._is_over = True
            return
        *lines, self._unread = (self._unread + piece).split(b"\n")
        for line in lines:
            self._obey(json.loads(line))

    def _obey(self, order: dict[str, Any]) -> None:
        self._number = order.get("number", self._number)
        match order["do"]:
            case "scan":
                self._scan()
            case "update":
                self._update(order["paths"])
            case "pause":
                self._paused_until = time.monotonic() + min(float(order["seconds"]), _MAX_PAUSE_S)
            case "stop":
                self._todo.clear()

    def _scan(self) -> None:
        """Compare the workspace with the index; once no other server's worker is at it, who may be doing all
        that there is to do."""
        self._is_working = True
        if self._turn is None:
            self._turn = try_lock(self._turns)
        self._scan_at = None if self._turn is not None else time.monotonic() + _TURN_S
        if self._turn is None:
            return
        known = self._store.known()
        for found in walk(self._root):
            if known.pop(found.path, None) != found.stamp:
                self._add(found)
        self._gone.extend(known)

    def _end_turn(self) -> None:
        if self._turn is not None:
            os.close(self._turn)
            self._turn = None

    def _update(self, paths: list[str]) -> None:
        self._is_working = True
        if any(path.rpartition("/")[2] in RULES for path in paths):
            self._scan()
            return
        missing = set()
        for path in paths:
            found = look(self._root, path)
            if found is not None:
                self._add(found)
            else:
                missing.add(path)  # there no more, or not to be read any more; a file or a folder
        if missing:
            self._gone.extend(each for each in self._store.known() if not missing.isdisjoint(_around(each)))

    def _add(self, found: Found) -> None:
        self._total += found.path not in self._todo
        self._todo[found.path] = found

    def _say(self, report: dict[str, Any]) -> None:
        # A server that reads no more has ended, which stdin tells.
        with suppress(OSError):
            os.write(self._reports, json.dumps(report).encode() + b"\n")


def _around(path: str) -> Iterator[str]:
    """A path and the folders around it."""
    yield path
    while "/" in path:
        path = path.rpartition("/")[0]
        yield path


def main() -> int:
    """The exit code: 0 in the end, 1 where the index cannot be kept, with the reason in the log."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s midfill.index: %(message)s")
    _be_nice()
    root, path = (Path(argument) for argument in sys.argv[1:3])
    try:
        store = Store.open(path)
        try:
            Worker(root, store, path.with_suffix(".turn"), sys.stdin.fileno(), sys.stdout.fileno()).run()
        finally:
            store.close()
    except (OSError, sqlite3.Error) as error:
        logger.error("the index is given up: %s", error)
        return 1
    return 0


def _be_nice() -> None:
    """Take what the editor, its servers and the model leave."""
    os.nice(15)
    if hasattr(os, "SCHED_BATCH"):
        with suppress(OSError):  # not in every container
            os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))


if __name__ == "__main__":
    sys.exit(main())
