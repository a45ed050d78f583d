"""One editor's session: its documents, its settings, and its link to the worker.

Writers (didOpen, didChange, configuration) take the Session; readers take a Snapshot and what else they need.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Coroutine, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from lsprotocol import types

from lsp_server import policy
from lsp_server.completion.edits import Edits
from lsp_server.completion.means import Means
from lsp_server.completion.nearby import Nearby
from lsp_server.completion.prime import Primer
from lsp_server.completion.recent import Recent
from lsp_server.completion.rhythm import Rhythm
from lsp_server.document import Document, Snapshot
from lsp_server.editor import Abilities, Editor
from lsp_server.features.status import notify_status
from lsp_server.link import Connect, Link
from lsp_server.policy import rules_for
from lsp_server.policy.problem import Problem
from lsp_server.settings import Settings
from lsp_server.turns import Turns
from lsp_server.why.door import Door
from lsp_server.why.ring import Ring
from lsp_server.worker_link import LinkStatus
from lsp_server.workspace import Workspace

logger = logging.getLogger(__name__)


class Session:
    """Lives from `initialize` to `exit`; everything in it is touched by the event loop's thread alone."""

    def __init__(self, editor: Editor, settings: Settings, connect: Connect) -> None:
        self.editor = editor
        self.abilities = Abilities()  # set by `initialize`
        self.initial_settings = (
            settings  # of the command line, then of `initialize`; the configuration lies over them
        )
        self.settings = settings
        self.settings_problems: tuple[str, ...] = ()  # told to the user already
        self.warned: set[tuple[str, str]] = set()  # documents and patterns that the log has been told of
        self.policy_problems: frozenset[Problem] = frozenset()  # told to the user already
        self.workspace = ""  # URI of the root folder; set by `initialize`
        self.folders: tuple[Path, ...] = ()  # all of the workspace's; set by `initialize`
        self.documents: dict[str, Document] = {}
        self.turns = Turns()
        self.recent = Recent()
        self.ring = Ring()
        self.rhythm = Rhythm()
        self.edits = Edits()
        self.primer = Primer(self.spawn)
        self._connect = connect
        self.link = self._new_link()
        self._link_started = False
        self._background: set[asyncio.Task[None]] = set()
        self.index = Workspace(editor, self.spawn)
        self.nearby = Nearby(
            self.index, lambda: self.workspace, lambda: self.settings, lambda: self.link.snippet_tokens
        )
        self.door: Door | None = None  # opened by `initialized`

    @property
    def salt(self) -> str:
        """Names the workspace to the worker, whose caches are not shared across it. Not the path itself."""
        return hashlib.sha256(self.workspace.encode("utf-8", "replace")).hexdigest()[:32]

    @property
    def means(self) -> Means:
        """What completions are made with now."""
        return Means(
            self.settings,
            self.link,
            self.salt,
            self.recent,
            near=self.nearby.near,
            rhythm=self.rhythm,
            edits=self.edits,
            buffers=self._readable,
        )

    def snapshot(self, uri: str) -> Snapshot | None:
        """The document as it is now; None if it is not open or out of step with the editor's."""
        document = self.documents.get(uri)
        return document.snapshot if document is not None and not document.needs_resync else None

    def is_current(self, snapshot: Snapshot) -> bool:
        """Whether a document is still what it was when the snapshot was taken."""
        return self.snapshot(snapshot.uri) is snapshot

    def end(self, uri: str) -> None:
        """The document is closed, or not what the editor has: stop what is computed for it, and forget it."""
        self.turns.end(uri)
        self.recent.forget(uri)

    def adopt(self, settings: Settings) -> None:
        """Replace the settings; a worker of another kind takes over if they name one. The rules stay what the
        policies say now."""
        settings = replace(settings, rules=rules_for(self.folders))
        before, self.settings = self.settings, settings
        if settings != before:
            self.recent.clear()
            self.nearby.clear()
        if _worker_of(before) != _worker_of(settings):
            old, started = self.link, self._link_started
            self.link, self._link_started = self._new_link(), False
            if started:
                self.spawn(old.close())
                self.start_link()
        if settings.enabled and not before.enabled:
            self.start_link()
        if settings.rules != before.rules:
            self._tell_policy_problems()
            self.index.close()  # what it holds was read by other rules
        if self._link_started:
            self.start_index()

    def mind_policies(self) -> None:
        """Go by the policies as they are now. For use before anything is read or shown of a document."""
        if rules_for(self.folders) != self.settings.rules:
            self.adopt(self.settings)

    def _tell_policy_problems(self) -> None:
        problems = self.settings.rules.problems
        for problem in problems:
            if problem not in self.policy_problems:
                self.editor.show(str(problem), types.MessageType.Error)
        self.policy_problems = frozenset(problems)

    def start_link(self) -> None:
        """Start or attach to the worker in the background, unless Midfill is switched off."""
        if self.settings.enabled and not self._link_started:
            self._link_started = True
            self.spawn(self.link.start())

    def start_index(self) -> None:
        """Have an index of the workspace, or none, as the settings say."""
        settings = self.settings
        is_wanted = settings.enabled and settings.workspace_index and not settings.rules.closed
        self.index.adopt(is_wanted, self.workspace, self.abilities)

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run something in the background until the session ends; its failure is logged."""
        task = asyncio.get_running_loop().create_task(work)
        self._background.add(task)
        task.add_done_callback(self._ended)

    async def close(self) -> None:
        """Stop what runs and let go of the worker."""
        for uri in list(self.documents):
            self.turns.end(uri)
        self.recent.clear()
        self.nearby.clear()
        self.ring.clear()
        if self.door is not None:
            await self.door.close()
        self.index.close()
        for task in list(self._background):
            task.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)
        await self.link.close()

    def _readable(self) -> Iterator[Snapshot]:
        """The open documents that a completion may be made of."""
        for document in self.documents.values():
            each = document.snapshot
            if not document.needs_resync and not policy.refuses(
                each.uri, each.language, each.text, self.settings
            ):
                yield each

    def _new_link(self) -> Link:
        def on_status(status: LinkStatus) -> None:
            if link is self.link:  # not the last words of one that has been replaced
                notify_status(self.editor, status)

        link = self._connect(self.settings, on_status)
        return link

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._background.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("a background task failed", exc_info=error)


def _worker_of(settings: Settings) -> tuple[str, str, bool]:
    """What of the settings decides which worker it is."""
    return settings.model, settings.precision, settings.private_worker
