"""The deadline, and what is answered then: the best that exists, down a ladder.

An earlier answer that has some of it; else what followed the same text elsewhere; else what the model has
said so far. Where there is nothing at all, the first whole line is waited for: who types on meanwhile has not
waited, and who does not is served late rather than never.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from lsp_server.completion.copied import continuation
from lsp_server.completion.draft import Draft
from lsp_server.completion.means import Means
from lsp_server.completion.moment import Moment

PATIENCE_S = 0.5
"""From the keystroke: what takes longer comes while the user has gone on, or begins to wonder."""
INVOKED_S = 3.0
"""Who asked looks at the screen, and a whole answer is worth more."""


async def read(draft: Draft, moment: Moment, means: Means, began_s: float, grown: Callable[[], None]) -> str:
    """Have `draft` fed with all that is wanted; returns "" then, else what stands in for it at the deadline.

    `began_s` is when the request came, by the loop's clock. `grown` is called behind every piece.
    """
    patience_s = INVOKED_S if moment.invoked else PATIENCE_S
    deadline_s = began_s + patience_s if means.settings.has("deadline") else None
    try:
        async with asyncio.timeout_at(deadline_s):
            async for piece in draft.reader:
                if draft.feed(piece):
                    return ""
                grown()
            return ""
    except TimeoutError:
        rungs = (_cached, copied, _begun)
        if text := draft.seen or next(filter(None, (rung(draft, moment, means) for rung in rungs)), ""):
            return text
    async for piece in draft.reader:
        if draft.feed(piece):
            return ""
        grown()
        if text := draft.lines():
            return text
    return ""


def _cached(draft: Draft, moment: Moment, means: Means) -> str:
    reader = means.recent.begun(moment.snapshot, moment.offset) if means.settings.reuse else None
    if reader is None:
        return ""
    earlier = Draft(moment, draft.trigger, means, reader)
    earlier.feed(reader.text)
    return earlier.begun()


def copied(draft: Draft, moment: Moment, means: Means) -> str:
    """What followed the same text elsewhere in the open documents, for which no model is needed."""
    if not means.settings.has("copy"):
        return ""
    snapshot = moment.snapshot
    others = [each for each in means.buffers() if each.language == snapshot.language]
    said = continuation(snapshot, moment.offset, others)
    if not said.strip():
        return ""
    trim = draft.trimmer(block=False)
    trim.feed(said + "\n")
    text = trim.finish().text
    return text if draft.gate.objection(text) is None else ""


def _begun(draft: Draft, moment: Moment, means: Means) -> str:
    return draft.begun()
