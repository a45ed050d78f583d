"""What other files say of the names near the cursor, for the prompt."""

from __future__ import annotations

import asyncio
import logging
import re
import sqlite3
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from inference.messages import Snippet
from lsp_server.document import Snapshot
from lsp_server.index.imports import imports_in
from lsp_server.index.indexer import Indexer
from lsp_server.index.languages import family_of
from lsp_server.index.lookup import MAX_NAMES, Lookup, Question
from lsp_server.syntax.scopes import imports

logger = logging.getLogger(__name__)

DEADLINE_S = 0.015  # what is not found by then is left out of this prompt, and in the next one
_NEAR = 600  # characters before the cursor's line; as in training/examples.py
# While the cursor stays within so many lines the snippets stay, and with them the rest of the prompt: they
# stand at its beginning, so that another snippet makes all of it new.
_STEP = 8
_MAX_DOCUMENTS = 32
# As in training/neighbours.py: names of types, of several words, and what is called.
_TELLING = re.compile(r"\b(?:[A-Z]\w{3,}|[a-z]\w*_\w+|\w{4,}(?=\())")


@dataclass(frozen=True, slots=True)
class _Looked:
    """A look into the index from one line of a document; `before` is what an earlier one had found."""

    line: int
    found: asyncio.Future[tuple[Snippet, ...]]
    before: tuple[Snippet, ...]

    @property
    def snippets(self) -> tuple[Snippet, ...]:
        return self.found.result() if self.found.done() else self.before


class Elsewhere:
    """Asks an index from the event loop; the looking is done in a thread."""

    def __init__(self, indexer: Indexer) -> None:
        self._indexer = indexer
        self._lookup: Lookup | None = None
        self._thread = ThreadPoolExecutor(1, "midfill-lookup")
        self._looked: OrderedDict[str, _Looked] = OrderedDict()
        self._has_complained = False

    async def near(self, snapshot: Snapshot, offset: int) -> tuple[Snippet, ...]:
        """The definitions behind the names before the cursor's line; none that is not there by DEADLINE_S."""
        if self._indexer.is_stale:
            self._looked.clear()
            return ()
        line = snapshot.lines.line_at(offset)
        looked = self._looked.get(snapshot.uri)
        if looked is None or abs(line - looked.line) >= _STEP:
            question = self._question(snapshot, offset)
            if question is None:
                return ()
            before = looked.snippets if looked is not None else ()
            found = asyncio.get_running_loop().run_in_executor(self._thread, self._find, question)
            looked = self._looked[snapshot.uri] = _Looked(line, found, before)
            if len(self._looked) > _MAX_DOCUMENTS:
                self._looked.popitem(last=False)
        if not looked.found.done():
            await asyncio.wait({looked.found}, timeout=DEADLINE_S)
        return () if self._indexer.is_stale else looked.snippets

    def close(self) -> None:
        """Forget everything; what is being looked for ends by itself."""
        self._looked.clear()
        if self._lookup is not None:
            self._thread.submit(self._lookup.close)
        self._thread.shutdown(wait=False)

    def _question(self, snapshot: Snapshot, offset: int) -> Question | None:
        grammar = snapshot.grammar
        path = path_of(snapshot.uri)
        if grammar is None or path is None or self._indexer.database is None:
            return None
        if not path.is_relative_to(self._indexer.root):
            return None
        start = snapshot.line_start(offset)
        near = _TELLING.findall(snapshot.text, max(0, start - _NEAR), start)
        listed = "".join(snapshot.text[first:last] for first, last in imports(snapshot, start))
        return Question(
            tuple(dict.fromkeys(reversed(near)))[:MAX_NAMES],
            path.relative_to(self._indexer.root).as_posix(),
            family_of(grammar.name),
            tuple(imports_in(listed, grammar.name)),
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
