"""Definitions of files that are not open, behind the names near the cursor: from the index, in a thread."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import unquote, urlsplit

from inference.messages import Snippet
from lsp_server.completion.sources.pace import Pace
from lsp_server.completion.sources.query import Piece, Query
from lsp_server.index.indexer import Indexer
from lsp_server.index.lookup import MAX_NAMES, Lookup, Question

logger = logging.getLogger(__name__)

_MAX_SNIPPETS = 4


class IndexedDefinitions:
    """Asks an index from the event loop."""

    def __init__(self, indexer: Indexer) -> None:
        self._indexer = indexer
        self._lookup: Lookup | None = None
        self._thread = ThreadPoolExecutor(1, "midfill-lookup")
        self._has_complained = False

    async def find(self, query: Query, pace: Pace) -> tuple[Piece, ...]:
        """Nothing of what an ignore file names, from the moment its change is known."""
        question = self._question(query)
        if question is None or self._indexer.is_stale:
            return ()
        found = await asyncio.get_running_loop().run_in_executor(self._thread, self._find, question)
        return () if self._indexer.is_stale else tuple(Piece("", snippet) for snippet in found)

    def close(self) -> None:
        """What is being looked for ends by itself."""
        if self._lookup is not None:
            self._thread.submit(self._lookup.close)
        self._thread.shutdown(wait=False)

    def _question(self, query: Query) -> Question | None:
        root, path = self._indexer.root, path_of(query.snapshot.uri)
        if query.snapshot.grammar is None or path is None or self._indexer.database is None:
            return None
        if not path.is_relative_to(root):
            return None
        paths = [path_of(other.uri) for other in query.others]
        return Question(
            query.names[:MAX_NAMES],
            path.relative_to(root).as_posix(),
            query.family,
            query.imports,
            max_snippets=_MAX_SNIPPETS,
            open=frozenset(p.relative_to(root).as_posix() for p in paths if p and p.is_relative_to(root)),
        )

    def _find(self, question: Question) -> tuple[Snippet, ...]:
        if self._lookup is None:
            if self._indexer.database is None:
                return ()
            self._lookup = Lookup(self._indexer.root, self._indexer.database)
        try:
            return self._lookup.find(question)
        except sqlite3.Error as error:
            self._lookup.close()
            if not self._has_complained:
                self._has_complained = True
                logger.info("the index cannot be asked yet: %s", error)
            return ()


def path_of(uri: str) -> Path | None:
    """The path of a `file` URI; None for others."""
    parts = urlsplit(uri)
    path = unquote(parts.path)
    if parts.scheme != "file" or parts.netloc not in ("", "localhost") or "\0" in path:
        return None
    return Path(path) if path.startswith("/") else None
