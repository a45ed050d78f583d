"""What is shown instead where a gate objects to the likeliest text."""

from __future__ import annotations

import asyncio
import logging

from inference.messages import Error
from lsp_server.completion.choice import Choice, choose
from lsp_server.completion.draft import Draft

logger = logging.getLogger(__name__)

ALTERNATIVES_S = 0.25
"""How long to wait for other candidates."""


async def passing(text: str, draft: Draft) -> str:
    """`text`, or where a gate objects what is shown instead, "" for nothing."""
    draft.trace.candidates = 1
    choice = choose(draft.gate, [text])
    if choice.verdicts and len(choice.text) <= len(draft.seen):
        others = [] if draft.seen else await _alternatives(draft)
        other = choose(draft.gate, others)
        choice = Choice(other.text or draft.seen, choice.verdicts + other.verdicts)
        draft.trace.candidates += len(others)
        logger.debug("stopped by %s", ", ".join(verdict.gate for verdict in choice.verdicts))
    draft.trace.verdicts.extend(choice.verdicts)
    return choice.text


async def _alternatives(draft: Draft) -> list[str]:
    """Other first lines that are likely enough, trimmed; they come with the worker's last word, a step of the
    model later. A request that did not ask the model itself has none: they begin elsewhere."""
    if draft.reader.source != "model":
        return []
    try:
        async with asyncio.timeout(ALTERNATIVES_S):
            outcome = await draft.reader.outcome()
    except TimeoutError:
        return []
    if isinstance(outcome, Error):
        return []
    likely = [other.text for other in outcome.alternatives if draft.allows(other.logprob)]
    trims = [(draft.trimmer(block=False), text) for text in likely]
    for trim, text in trims:
        trim.feed(text)
    return [trim.finish().text for trim, _ in trims]
