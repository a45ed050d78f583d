"""What other files and edits elsewhere say about the cursor's place: all sources, within one deadline."""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from inference.messages import Snippet
from lsp_server import policy
from lsp_server.completion.fit import Kind, Shown
from lsp_server.completion.look import Look
from lsp_server.completion.sources.definitions import OpenDefinitions
from lsp_server.completion.sources.edits import RecentEdits
from lsp_server.completion.sources.pace import Pace
from lsp_server.completion.sources.query import Query, Source, lines_of, window_of
from lsp_server.completion.sources.windows import SimilarWindows
from lsp_server.document import Change, Snapshot
from lsp_server.recent_files import RecentFiles
from lsp_server.settings import Settings
from lsp_server.workspace import Workspace

logger = logging.getLogger(__name__)

DEADLINE_S = 0.015  # what is not found by then is left out of this prompt, and in the next one
# While the cursor stays within so many lines the snippets stay, and with them the rest of the prompt: they
# stand at its beginning, so that another snippet makes all of it new.
STEP = 8
FAR = 64  # lines from where snippets were found, beyond which they no longer count as shown before
_MAX_LOOKS = 32  # documents


@dataclass(frozen=True, slots=True)
class _Asked:
    """A source in the list of them, and what it has."""

    order: int
    kind: Kind
    source: Source


class Nearby:
    """One session's. Touched by the event loop's thread alone, whose time it takes in slices."""

    def __init__(
        self,
        index: Workspace,
        root: Callable[[], str],
        settings: Callable[[], Settings],
        snippet_tokens: Callable[[], int],
    ) -> None:
        """`root` tells the workspace's URI; `snippet_tokens` what the model's prompts hold, 0 for nothing."""
        self._settings = settings
        self._snippet_tokens = snippet_tokens
        self._files = RecentFiles()
        self._edits = RecentEdits()
        self._index = index
        # What is open goes before what is in the index. The index has a thread of its own; the others cost
        # this one time, and so run one after another.
        self._open_files = (
            _Asked(0, Kind.EDIT, self._edits),
            _Asked(1, Kind.DEFINITION, OpenDefinitions(root)),
            _Asked(3, Kind.WINDOW, SimilarWindows()),
        )
        self._indexed = (_Asked(2, Kind.DEFINITION, index),)
        self._looks: dict[str, Look] = {}
        self._num_changes = 0
        self._changed_last = ""
        self._num_others_changes = 0  # the number of the last change of another document than that
        self._is_in = ""
        self._was_away: set[str] = set()  # documents with looks, where the user has been elsewhere since

    async def near(self, snapshot: Snapshot, offset: int) -> tuple[Snippet, ...]:
        """What to show the model with this place; of what is not there by DEADLINE_S, nothing."""
        settings, num_tokens = self._settings(), self._snippet_tokens()
        if not num_tokens or not (settings.context or settings.workspace_index):
            return ()
        if self._index.is_stale:
            self.clear()
        look = self._look(snapshot, offset, num_tokens)
        if look.task is not None and not look.is_over:
            await asyncio.wait({look.task}, timeout=DEADLINE_S)
        return self._permitted(look, snapshot, offset)

    def held(self, snapshot: Snapshot, offset: int) -> tuple[Snippet, ...]:
        """What `near` would say, if it has been asked about a place near this one; nothing is looked for."""
        look = self._looks.get(snapshot.uri)
        if look is None or abs(snapshot.lines.line_at(offset) - look.line) >= STEP:
            return ()
        return self._permitted(look, snapshot, offset)

    def visited(self, uri: str) -> None:
        """The cursor is in this document."""
        if uri != self._is_in:
            self._is_in = uri
            self._was_away = {each for each in self._looks if each != uri} | (self._was_away & {uri})

    def opened(self, snapshot: Snapshot) -> None:
        """A document has been opened, perhaps again."""
        known = self._files.get(snapshot.uri)
        if known is None or known.text != snapshot.text:
            self._edits.forget(snapshot.uri)
            self._drop(snapshot.uri)
        self._files.used(snapshot)
        self._count(snapshot.uri)

    def changed(self, before: Snapshot, after: Snapshot, changes: Sequence[Change]) -> list[str]:
        """A document has changed. Returns the others whose prompts held something of it."""
        self._edits.changed(before, after, changes)
        self._files.used(after)
        self._count(after.uri)
        return self._drop(after.uri)

    def closed(self, uri: str) -> None:
        """A document has been closed; what it said is kept for a while."""
        self._files.closed(uri)
        self._end(uri)

    def forget(self, uri: str) -> None:
        """It is not known what the document is now."""
        self._files.forget(uri)
        self._edits.forget(uri)
        self._end(uri)
        self._drop(uri)

    def clear(self) -> None:
        """Look at everything anew: the settings have changed, or what may be shown has."""
        for uri in list(self._looks):
            self._end(uri)

    def _look(self, snapshot: Snapshot, offset: int, num_tokens: int) -> Look:
        uri, line = snapshot.uri, snapshot.lines.line_at(offset)
        look = self._looks.get(uri)
        was_away = uri in self._was_away
        self._was_away.discard(uri)
        if look is not None and abs(line - look.line) < STEP and look.num_tokens == num_tokens:
            newest = self._num_changes if uri != self._changed_last else self._num_others_changes
            if not was_away or newest <= look.as_of:
                return look
        before: tuple[Shown, ...] = ()
        if look is not None and abs(line - look.line) < FAR and look.num_tokens == num_tokens:
            before = look.pieces()
        for each in [each for each, other in self._looks.items() if each == uri or not other.is_over]:
            self._end(each)  # of two, only the one that is waited for
        look = self._looks[uri] = Look(line, self._num_changes, num_tokens, before)
        look.task = asyncio.get_running_loop().create_task(self._run(look, snapshot, offset))
        if len(self._looks) > _MAX_LOOKS:
            self._end(next(iter(self._looks)))
        return look

    async def _run(self, look: Look, snapshot: Snapshot, offset: int) -> None:
        pace = Pace()
        others = []
        for other in self._files.others(snapshot.uri):
            if self._permits(other):
                others.append(other)
            await pace.rest()
        query = Query.of(snapshot, offset, tuple(others))
        await pace.rest()
        async with asyncio.TaskGroup() as group:
            group.create_task(_ask(self._indexed, query, look, pace))
            if self._settings().context:
                group.create_task(_ask(self._open_files, query, look, pace))
        look.shown = look.chosen()

    def _permitted(self, look: Look, snapshot: Snapshot, offset: int) -> tuple[Snippet, ...]:
        """What of a look may be shown now: policy and documents may have changed since."""
        return tuple(each.snippet for each in look.pieces() if self._may_be_shown(each, snapshot, offset))

    def _may_be_shown(self, shown: Shown, snapshot: Snapshot, offset: int) -> bool:
        uri = shown.piece.uri
        if not uri:
            return not self._index.is_stale
        if uri == snapshot.uri:
            return lines_of(shown.snippet.text).isdisjoint(window_of(snapshot, offset).lines)
        source = self._files.get(uri)
        return source is not None and self._permits(source)

    def _permits(self, snapshot: Snapshot) -> bool:
        return policy.refuses(snapshot.uri, snapshot.language, snapshot.text, self._settings()) is None

    def _count(self, uri: str) -> None:
        if uri != self._changed_last:
            self._changed_last, self._num_others_changes = uri, self._num_changes
        self._num_changes += 1

    def _drop(self, uri: str) -> list[str]:
        """Forget what looks from other documents have found in this one."""
        stale = [
            each
            for each, look in self._looks.items()
            if each != uri and any(shown.piece.uri == uri for shown in look.pieces())
        ]
        for each in stale:
            self._end(each)
        return stale

    def _end(self, uri: str) -> None:
        look = self._looks.pop(uri, None)
        if look is not None and look.task is not None:
            look.task.cancel()


async def _ask(sources: Sequence[_Asked], query: Query, look: Look, pace: Pace) -> None:
    for each in sources:
        try:
            look.found[each.order, each.kind] = await each.source.find(query, pace)
        except Exception as error:  # one source must not take the others with it
            # Where it happened, but not the error's own words, which may hold the user's text.
            where = "".join(traceback.format_tb(error.__traceback__))
            name = type(each.source).__name__
            logger.error("%s failed with %s:\n%s", name, type(error).__name__, where)
