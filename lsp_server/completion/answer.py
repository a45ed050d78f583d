"""One keystroke, from the cursor to the text shown there. Read this first."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass

from lsp_server import policy
from lsp_server.completion.alternatives import passing
from lsp_server.completion.draft import Draft
from lsp_server.completion.ladder import copied, read
from lsp_server.completion.means import Means
from lsp_server.completion.moment import Moment
from lsp_server.completion.source import source
from lsp_server.completion.stream import Reader
from lsp_server.completion.trigger import decide
from lsp_server.turns import Turn
from lsp_server.why.trace import SUPERSEDED

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Completion:
    """`text` in the place of the offsets [start, end) of the snapshot that was asked about."""

    text: str
    start: int
    end: int


async def answer(
    moment: Moment,
    turn: Turn,
    means: Means,
    grown: Callable[[str], None] | None = None,
    asked: Callable[[Reader], None] | None = None,
) -> Completion | None:
    """What to show, or None for nothing; why nothing is in the moment's trace.

    `grown` is called with the text so far whenever it grows, `asked` with where the text comes from as soon
    as that is known. Ends with None as soon as the turn is lost: then the model goes on, for `recent` to keep
    or to stop. When it is cancelled, or has enough text, the worker is told before anything else.
    """
    snapshot, offset, settings, recent = moment.snapshot, moment.offset, means.settings, means.recent
    began_s, trace = asyncio.get_running_loop().time(), moment.trace
    if turn.is_lost():
        trace.silent(SUPERSEDED)
        return None
    if refusal := policy.refuses(snapshot.uri, snapshot.language, snapshot.text, settings):
        trace.refused(refusal)
        return None
    trace.mark("policy")
    recent.moved(snapshot, offset)
    if not moment.can_show(settings):
        trace.silent("the entry selected in the popup does not begin with what was typed")
        return None
    if settings.reuse and (shown_before := recent.still_shown(snapshot, offset)) is not None:
        rest, shown_by = shown_before
        if rest.strip():
            if asked is not None:
                asked(shown_by)
            trace.reader = shown_by
            trace.show(rest)
            return Completion(rest, offset, offset)
    trigger = decide(snapshot, offset, moment.invoked, moment.restraint(settings))
    trace.mark("trigger")
    if trigger is None:
        trace.silent("no place for a completion: in a word, before code, or behind a line that is complete")
        return None
    reader = trace.reader = await source(moment, trigger, turn, means)
    if reader is None:
        trace.silent(SUPERSEDED)
        return None
    turn.on_lost(reader.leave)
    if asked is not None:
        asked(reader)
    draft = Draft(moment, trigger, means, reader)

    def grow() -> None:
        if grown is not None and not turn.is_lost() and draft.grows():
            grown(draft.seen)

    try:
        text = await read(draft, moment, means, began_s, grow)
        if text:
            reader.leave()  # the model goes on, and the next keystroke has it
    finally:
        reader.stop()
        if reader.source == "model" and turn.is_lost():
            means.rhythm.gave_up(reader.waits_s)
    trace.mark("model")
    if turn.is_lost():
        trace.silent(SUPERSEDED)
        return None
    if reader.source == "model" and reader.error is None:
        means.rhythm.heard(reader.waits_s if text else reader.waited_ms / 1e3)
    if reader.error is not None:
        # What ails the worker is told once, by the status; only a refused request is news here.
        level = logging.WARNING if reader.error.code == "invalid" else logging.INFO
        logger.log(level, "no completion of the model: %s", reader.error.message)
        trace.silence = f"the worker: {reader.error.code}"
        text = text or copied(draft, moment, means)
    elif not text and (text := draft.finish()).strip():
        text = await passing(text, draft)
    trace.mark("gates")
    if turn.is_lost():
        trace.silent(SUPERSEDED)
        return None
    if not text.strip():
        trace.silent(draft.silence)
        return None
    reader.has_shown(snapshot, offset, text)
    trace.show(text)
    return Completion(text, offset, offset)
