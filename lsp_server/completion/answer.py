"""One keystroke, from the cursor to the text shown there. Read this first."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit

from inference.messages import Generate, Snippet
from lsp_server import policy
from lsp_server.completion.context import gather
from lsp_server.completion.gate import passes
from lsp_server.completion.trigger import decide
from lsp_server.completion.trim import Trim
from lsp_server.document import Snapshot
from lsp_server.link import Generation, Link
from lsp_server.settings import Settings
from lsp_server.turns import Turn

logger = logging.getLogger(__name__)

# Characters sent to the worker, which cuts them to its model's budget in tokens.
PREFIX_BUDGET = 12_000
SUFFIX_BUDGET = 4_000


@dataclass(frozen=True, slots=True)
class Completion:
    """`text` in the place of the offsets [start, end) of the snapshot that was asked about."""

    text: str
    start: int
    end: int


async def answer(
    snapshot: Snapshot,
    offset: int,
    turn: Turn,
    settings: Settings,
    link: Link,
    salt: str,
    invoked: bool = False,
    grown: Callable[[str], None] | None = None,
    asked: Callable[[Generation], None] | None = None,
    near: Callable[[Snapshot, int], Awaitable[tuple[Snippet, ...]]] | None = None,
) -> Completion | None:
    """What to show at `offset`, or None for nothing.

    `invoked` says that the user asked for it, and did not only type on. `grown` is called with the text so
    far whenever it grows, `asked` with the generation as soon as there is one: its outcome has the costs.
    `near` finds what other files say of the names near the cursor, within a deadline of its own.
    Ends with None as soon as the turn is lost; when it is cancelled, or has enough text, the worker is told
    before anything else.
    """
    if turn.is_lost() or policy.refuses(snapshot.uri, snapshot.language, snapshot.text, settings):
        return None
    trigger = decide(snapshot, offset, invoked)
    if trigger is None:
        return None
    context = gather(snapshot, offset, PREFIX_BUDGET, SUFFIX_BUDGET)
    snippets = await near(snapshot, offset) if near is not None else ()
    if turn.is_lost():
        return None
    trim = Trim(trigger.site, trigger.block, settings.multiline)
    generation = link.generate(
        Generate(
            id=0,  # the link's to give
            document=document_key(snapshot.uri),
            path=display_path(snapshot.uri),
            language=snapshot.language,
            prefix=context.prefix,
            suffix=context.suffix,
            outline=context.outline,
            snippets=snippets,
            max_tokens=settings.max_tokens,
            salt=salt,
        )
    )
    turn.on_lost(generation.cancel)
    if asked is not None:
        asked(generation)
    shown = ""
    try:
        async for chunk in generation:
            trimmed = trim.feed(chunk)
            if trimmed.complete:
                break
            if grown is not None and trimmed.text != shown and not turn.is_lost():
                shown = trimmed.text
                grown(shown)
    finally:
        generation.cancel()
    if turn.is_lost():
        return None
    if generation.error is not None:
        # What ails the worker is told once, by the status; only a refused request is news here.
        level = logging.WARNING if generation.error.code == "invalid" else logging.INFO
        logger.log(level, "no completion: %s", generation.error.message)
        return None
    truncated = generation.done is not None and generation.done.stop_reason == "length"
    text = trim.finish(truncated).text
    return Completion(text, offset, offset) if passes(text) else None


def document_key(uri: str) -> str:
    """How the worker tells documents apart: of one length whatever the URI is, and without its path."""
    return hashlib.sha256(uri.encode("utf-8", "replace")).hexdigest()[:32]


def display_path(uri: str) -> str:
    """The name of the file, which is all of its path that a prompt may hold."""
    return PurePosixPath(unquote(urlsplit(uri).path)).name[:255].encode("utf-8", "replace").decode()
