"""The folder that a session works in, and the index of it, which there is only where the user wants one."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable
from typing import Any

from lsprotocol import types

from lsp_server.completion.sources.indexed import IndexedDefinitions, path_of
from lsp_server.completion.sources.pace import Pace
from lsp_server.completion.sources.query import Piece, Query
from lsp_server.editor import Abilities, Editor
from lsp_server.index.indexer import Indexer
from lsp_server.index.languages import globs

Spawn = Callable[[Coroutine[Any, Any, None]], None]


class Workspace:
    """Starts an index when the settings ask for one and ends it when they no longer do.

    Only in a workspace that the user trusts: what its files say becomes part of prompts, and grammars in C
    read every one of them.
    """

    def __init__(self, editor: Editor, spawn: Spawn) -> None:
        """`spawn` runs something in the background while the session lasts."""
        self._editor = editor
        self._spawn = spawn
        self._indexer: Indexer | None = None
        self._definitions: IndexedDefinitions | None = None
        self._is_watching = False

    @property
    def is_stale(self) -> bool:
        """Whether there is an index that may hold what nobody may see any more."""
        return self._indexer is not None and self._indexer.is_stale

    def adopt(self, is_wanted: bool, uri: str, abilities: Abilities) -> None:
        """Have an index of the folder at `uri`, or none. For use once `initialized` has been said."""
        if not is_wanted or not abilities.trusted:
            self.close()
            return
        root = path_of(uri)
        if root is None or self._indexer is not None:
            return
        self._indexer = Indexer(root, self._editor, abilities.progress)
        self._definitions = IndexedDefinitions(self._indexer)
        self._spawn(self._indexer.run())
        if abilities.watches_files and not self._is_watching:
            self._is_watching = True
            self._watch()

    def changed(self, uris: Iterable[str]) -> None:
        """Files were saved, or changed on disk."""
        if self._indexer is not None:
            self._indexer.changed([path for uri in uris if (path := path_of(uri)) is not None])

    def typed(self) -> None:
        """The user is typing."""
        if self._indexer is not None:
            self._indexer.typed()

    async def find(self, query: Query, pace: Pace) -> tuple[Piece, ...]:
        """The definitions of files that are not open; nothing without an index."""
        return () if self._definitions is None else await self._definitions.find(query, pace)

    def close(self) -> None:
        """End the index; what it has written stays for the next time."""
        if self._indexer is not None:
            self._indexer.stop()
        if self._definitions is not None:
            self._definitions.close()
        self._indexer = self._definitions = None

    def _watch(self) -> None:
        watchers = [types.FileSystemWatcher(glob_pattern=glob) for glob in globs()]
        method = types.WORKSPACE_DID_CHANGE_WATCHED_FILES
        options = types.DidChangeWatchedFilesRegistrationOptions(watchers=watchers)
        registration = types.Registration(id="midfill-index", method=method, register_options=options)
        self._editor.request(
            types.CLIENT_REGISTER_CAPABILITY, types.RegistrationParams(registrations=[registration])
        )
