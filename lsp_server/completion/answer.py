"""One keystroke, from the cursor to the text shown there. Read this first."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from inference.messages import Error, Snippet
from lsp_server import policy
from lsp_server.completion.choice import Choice, Reveal, choose
from lsp_server.completion.gate import Gate
from lsp_server.completion.origin import Origin
from lsp_server.completion.recent import Recent
from lsp_server.completion.request import request
from lsp_server.completion.stream import Reader, Stream
from lsp_server.completion.trigger import Trigger, decide
from lsp_server.completion.trim import Trim, drops_blank
from lsp_server.document import Snapshot
from lsp_server.link import Link
from lsp_server.settings import Settings
from lsp_server.turns import Turn

logger = logging.getLogger(__name__)

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
    recent: Recent,
    invoked: bool = False,
    grown: Callable[[str], None] | None = None,
    asked: Callable[[Reader], None] | None = None,
    near: Callable[[Snapshot, int], Awaitable[tuple[Snippet, ...]]] | None = None,
) -> Completion | None:
    """What to show at `offset`, or None for nothing.

    `invoked` says that the user asked for it, and did not only type on. `grown` is called with the text so
    far whenever it grows, `asked` with where the text comes from as soon as that is known. `near` finds what
    other files say of the names near the cursor, within a deadline of its own. Ends with None as soon as the
    turn is lost: then the model goes on, for `recent` to keep or to stop. When it is cancelled, or has enough
    text, the worker is told before anything else.
    """
    if turn.is_lost() or policy.refuses(snapshot.uri, snapshot.language, snapshot.text, settings):
        return None
    recent.moved(snapshot, offset)
    if settings.reuse and (shown_before := recent.still_shown(snapshot, offset)) is not None:
        rest, shown_by = shown_before
        if rest.strip():
            if asked is not None:
                asked(shown_by)
            return Completion(rest, offset, offset)
    trigger = decide(snapshot, offset, invoked)
    if trigger is None:
        return None
    reader = _earlier(trigger, recent, settings) if settings.reuse else None
    if reader is None:
        snippets = await near(snapshot, offset) if near is not None else ()
        if turn.is_lost():
            return None
        asks = request(snapshot, offset, settings.max_tokens, salt, snippets)
        origin = Origin.of(snapshot, offset, drops_blank(trigger.site))
        reader = recent.open(origin, lambda: link.generate(asks)).read(0, "model")
    turn.on_lost(reader.leave)
    if asked is not None:
        asked(reader)
    trim, gate = Trim(trigger.site, trigger.block, settings.multiline), Gate(trigger.site, settings.rules)
    reveal = Reveal(gate)
    try:
        async for piece in reader:
            trimmed = trim.feed(piece)
            if trimmed.complete:
                break
            if grown is not None and not turn.is_lost() and reveal.grow(trimmed.text):
                grown(reveal.seen)
    finally:
        reader.stop()
    if turn.is_lost():
        return None
    if reader.error is not None:
        # What ails the worker is told once, by the status; only a refused request is news here.
        level = logging.WARNING if reader.error.code == "invalid" else logging.INFO
        logger.log(level, "no completion: %s", reader.error.message)
        return None
    text = trim.finish(reader.is_truncated).text
    if text.strip():
        text = await _passing(text, gate, reveal, reader, trigger, settings)
    if not text.strip() or turn.is_lost():
        return None
    reader.has_shown(snapshot, offset, text)
    return Completion(text, offset, offset)


async def _passing(
    text: str, gate: Gate, reveal: Reveal, reader: Reader, trigger: Trigger, settings: Settings
) -> str:
    """`text`, or where a gate objects what is shown instead, "" for nothing."""
    choice = choose(gate, [text])
    if choice.verdicts and len(choice.text) <= len(reveal.seen):
        others = [] if reveal.seen else await _alternatives(reader, trigger, settings)
        other = choose(gate, others)
        choice = Choice(other.text or reveal.seen, choice.verdicts + other.verdicts)
        logger.debug("stopped by %s", ", ".join(verdict.gate for verdict in choice.verdicts))
    return choice.text


async def _alternatives(reader: Reader, trigger: Trigger, settings: Settings) -> list[str]:
    """Other first lines, trimmed; they come with the worker's last word, a step of the model later. A request
    that did not ask the model itself has none: they begin elsewhere."""
    if reader.source != "model":
        return []
    try:
        async with asyncio.timeout(ALTERNATIVES_S):
            outcome = await reader.outcome()
    except TimeoutError:
        return []
    if isinstance(outcome, Error):
        return []
    trims = [(Trim(trigger.site, False, settings.multiline), other.text) for other in outcome.alternatives]
    for trim, text in trims:
        trim.feed(text)
    return [trim.finish().text for trim, _ in trims]


def _earlier(trigger: Trigger, recent: Recent, settings: Settings) -> Reader | None:
    """Of a text that fits the cursor already; None: the model has to be asked."""

    def serves(rest: str, stream: Stream) -> bool:
        """Whether an ended stream says what the model would have said if it had been asked here."""
        trim = Trim(trigger.site, trigger.block, settings.multiline)
        if trim.feed(rest).complete:
            return True
        return bool(trim.finish(truncated=True).text) if stream.is_truncated else stream.is_whole

    return recent.find(trigger.site.snapshot, trigger.site.offset, serves)
