"""The index of a session's workspace, from the server's side: a worker process, what it is told, and a bar.

Nothing here reads files or parses, and no call waits: orders go into a pipe, reports come out of one.
"""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import sys
import time
from collections.abc import Iterable
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path

from lsp_server.backoff import Backoff
from lsp_server.editor import Editor
from lsp_server.index.languages import RULES
from lsp_server.index.location import NoPlaceError, index_path
from lsp_server.progress import Progress, progress

logger = logging.getLogger(__name__)

TITLE = "Midfill: reading the workspace"
PROGRAM = (sys.executable, "-P", "-m", "lsp_server.index.worker")
_DEBOUNCE_S = 0.5
_PAUSE_S = 1.0  # how long the worker keeps still after a key
_MANY = 500  # changed files, above which the whole workspace is looked at
_WORTH_A_BAR = 100  # files


class Indexer:
    """One workspace's index while a session lasts. Touched by the event loop's thread alone."""

    def __init__(self, root: Path, editor: Editor, has_progress: bool) -> None:
        """`has_progress`: whether the client shows progress that the server begins."""
        self.root = root
        self.database: Path | None = None
        """Where the index is; None before there is a place for it."""
        self.is_stale = False
        """Whether an ignore file has changed and the worker has not gone by it yet: the index may hold what
        nobody may see any more."""
        self._editor = editor
        self._has_progress = has_progress
        self._changed: set[str] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._backoff = Backoff(first_s=1.0)
        self._paused_at = 0.0
        self._is_over = False
        self._writer: asyncio.StreamWriter | None = None
        self._number = 0  # of the last order that changes what is known
        self._scan_number = 0  # and of the last one to look at everything
        self._bar: tuple[ExitStack, Progress] | None = None

    async def run(self) -> None:
        """Keep the index until `stop` or cancelled. A worker that dies is started again, but not for ever."""
        if _holds_a_home(self.root):
            logger.warning("%s is not indexed: it is no project", self.root)
            return
        try:
            self.database = index_path(self.root)
            while True:
                code = await self._work(self.database)
                if self._is_over:
                    return
                pause = self._backoff.after_failure(time.monotonic())
                if pause is None:
                    logger.warning("the workspace is not indexed: its worker ended with %s", code)
                    return
                await asyncio.sleep(pause)
        except (NoPlaceError, OSError) as error:
            logger.warning("the workspace is not indexed: %s", error)
        finally:
            self._end_bar()
            if self._timer is not None:
                self._timer.cancel()

    def changed(self, paths: Iterable[Path]) -> None:
        """These files or folders are new, written to or gone."""
        for path in paths:
            with suppress(ValueError):  # of another workspace
                self._changed.add(path.relative_to(self.root).as_posix())
        self.is_stale = self.is_stale or _name_rules(self._changed)
        if self._changed and self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_DEBOUNCE_S, self._tell_changes)

    def stop(self) -> None:
        """Let the worker end, after what it is just writing."""
        self._is_over = True
        if self._writer is not None:
            self._writer.close()

    def typed(self) -> None:
        """The user has typed: the worker keeps still for a moment."""
        now = time.monotonic()
        if now - self._paused_at > _PAUSE_S / 2:
            self._paused_at = now
            self._order({"do": "pause", "seconds": _PAUSE_S})

    def _tell_changes(self) -> None:
        self._timer = None
        changed, self._changed = self._changed, set()
        if len(changed) > _MANY or _name_rules(changed):
            self._scan()
        else:
            self._number += 1
            self._order({"do": "update", "number": self._number, "paths": sorted(changed)})

    def _scan(self) -> None:
        self._number += 1
        self._scan_number = self._number
        self._order({"do": "scan", "number": self._number})

    async def _work(self, database: Path) -> int:
        """One life of a worker; its exit code."""
        ours, theirs = socket.socketpair()
        with theirs:
            reader, writer = await asyncio.open_connection(sock=ours)
            try:
                process = await asyncio.create_subprocess_exec(
                    *PROGRAM,
                    str(self.root),
                    str(database),
                    stdin=theirs.fileno(),
                    stdout=theirs.fileno(),
                    cwd="/",
                    start_new_session=True,  # a ^C meant for the editor does not reach it
                )
                theirs.close()  # so that its end is the end of what it says
                self._writer = writer
                if self._is_over:
                    writer.close()
                return await self._converse(process, reader)
            finally:
                self._writer = None
                self._end_bar()
                writer.close()

    async def _converse(self, process: asyncio.subprocess.Process, reader: asyncio.StreamReader) -> int:
        try:
            self._scan()
            with suppress(ConnectionError):  # it ended before it had read its orders
                while line := await reader.readline():
                    self._hear(json.loads(line))
            return await process.wait()
        finally:
            with suppress(ProcessLookupError):
                process.kill()  # sqlite's log survives it
            await process.wait()

    def _order(self, order: dict[str, object]) -> None:
        """Into the worker's pipe. One that has ended looks at everything when it is started again."""
        if self._writer is not None and not self._writer.is_closing():
            self._writer.write(json.dumps(order).encode() + b"\n")

    def _hear(self, report: dict[str, int]) -> None:
        if "idle" in report:
            self._backoff.after_success()
            self._end_bar()
            if report["number"] >= self._scan_number and not _name_rules(self._changed):
                self.is_stale = False
        elif report["total"] >= _WORTH_A_BAR:
            self._begin_bar().report(f"{report['done']:,} of {report['total']:,} files")

    def _begin_bar(self) -> Progress:
        if self._bar is None:
            stack = ExitStack()
            bar = progress(self._editor, self._has_progress, TITLE, partial(self._order, {"do": "stop"}))
            self._bar = stack, stack.enter_context(bar)
        return self._bar[1]

    def _end_bar(self) -> None:
        if self._bar is not None:
            self._bar[0].close()
            self._bar = None


def _holds_a_home(root: Path) -> bool:
    """Whether a folder is the user's home, or one around it."""
    try:
        home = Path.home()
    except RuntimeError:  # there is none, as in many containers
        return root == root.parent
    return root in (home, *home.parents)


def _name_rules(paths: Iterable[str]) -> bool:
    """Whether one of the paths is that of an ignore file."""
    return any(path.rpartition("/")[2] in RULES for path in paths)
