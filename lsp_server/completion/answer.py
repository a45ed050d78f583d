"""One keystroke, from the cursor to the text shown there. Read this first."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit

from inference.messages import Error, Generate
from lsp_server import policy
from lsp_server.completion.choice import Choice, Reveal, choose
from lsp_server.completion.context import gather
from lsp_server.completion.gate import Gate
from lsp_server.completion.trigger import Trigger, decide
from lsp_server.completion.trim import Trim
from lsp_server.document import Snapshot
from lsp_server.link import Generation, Link
from lsp_server.settings import Settings
from lsp_server.turns import Turn

logger = logging.getLogger(__name__)

# Characters sent to the worker, which cuts them to its model's budget in tokens.
PREFIX_BUDGET = 12_000
SUFFIX_BUDGET = 4_000
# How long to wait for other candidates where a gate has objected to the likeliest.
ALTERNATIVES_S = 0.25


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
) -> Completion | None:
    """What to show at `offset`, or None for nothing.

    `invoked` says that the user asked for it, and did not only type on. `grown` is called with the text so
    far whenever it grows, `asked` with the generation as soon as there is one: its outcome has the costs.
    Ends with None as soon as the turn is lost; when it is cancelled, or has enough text, the worker is told
    before anything else.
    """
    if turn.is_lost() or policy.refuses(snapshot.uri, snapshot.language, snapshot.text, settings):
        return None
    trigger = decide(snapshot, offset, invoked)
    if trigger is None:
        return None
    context = gather(snapshot, offset, PREFIX_BUDGET, SUFFIX_BUDGET)
    trim = Trim(trigger.site, trigger.block, settings.multiline)
    gate = Gate(trigger.site)
    reveal = Reveal(gate)
    generation = link.generate(
        Generate(
            id=0,  # the link's to give
            document=document_key(snapshot.uri),
            path=display_path(snapshot.uri),
            language=snapshot.language,
            prefix=context.prefix,
            suffix=context.suffix,
            outline=context.outline,
            max_tokens=settings.max_tokens,
            salt=salt,
        )
    )
    turn.on_lost(generation.cancel)
    if asked is not None:
        asked(generation)
    try:
        async for chunk in generation:
            trimmed = trim.feed(chunk)
            if trimmed.complete:
                break
            if grown is not None and not turn.is_lost() and reveal.grow(trimmed.text):
                grown(reveal.seen)
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
    if not text.strip():
        return None
    choice = choose(gate, [text])
    if choice.verdicts and len(choice.text) <= len(reveal.seen):
        others = [] if reveal.seen else await _alternatives(generation, trigger, settings)
        other = choose(gate, others)
        choice = Choice(other.text or reveal.seen, choice.verdicts + other.verdicts)
        logger.debug("stopped by %s", ", ".join(verdict.gate for verdict in choice.verdicts))
    return Completion(choice.text, offset, offset) if choice.text and not turn.is_lost() else None


async def _alternatives(generation: Generation, trigger: Trigger, settings: Settings) -> list[str]:
    """Other first lines, trimmed; they come with the worker's last word, a step of the model later."""
    try:
        async with asyncio.timeout(ALTERNATIVES_S):
            outcome = await generation.outcome()
    except TimeoutError:
        return []
    if isinstance(outcome, Error):
        return []
    trims = [(Trim(trigger.site, False, settings.multiline), other.text) for other in outcome.alternatives]
    for trim, text in trims:
        trim.feed(text)
    return [trim.finish().text for trim, _ in trims]


def document_key(uri: str) -> str:
    """How the worker tells documents apart: of one length whatever the URI is, and without its path."""
    return hashlib.sha256(uri.encode("utf-8", "replace")).hexdigest()[:32]


def display_path(uri: str) -> str:
    """The name of the file, which is all of its path that a prompt may hold."""
    return PurePosixPath(unquote(urlsplit(uri).path)).name[:255].encode("utf-8", "replace").decode()
