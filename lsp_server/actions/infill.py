"""From an action and its gap to the text that takes the gap's place."""

from __future__ import annotations

from collections.abc import Callable

from lsp_server.actions.action import Action
from lsp_server.actions.gap import ActionError, Gap
from lsp_server.completion.request import request
from lsp_server.document import Snapshot
from lsp_server.link import Generation, Link
from lsp_server.policy import hides


async def infill(
    action: Action,
    snapshot: Snapshot,
    gap: Gap,
    link: Link,
    salt: str,
    started: Callable[[Generation], None],
    grown: Callable[[int], bool],
) -> str:
    """What takes the place of [gap.start, gap.end) of the snapshot.

    `started` gets the generation, to cancel it by. `grown` is told how many characters there are and says
    whether to go on. Raises ActionError where there is no text, or the document would not parse with it.
    """
    opened, offset = gap.open(snapshot)
    filling = action.fill(opened, offset)
    # A purpose of its own: a completion asked for meanwhile would supersede it.
    generation = link.generate(request(opened, offset, action.max_tokens, salt, purpose=action.name))
    started(generation)
    num_characters = 0
    try:
        async for chunk in generation:
            num_characters += len(chunk)
            if filling.feed(chunk) or not grown(num_characters):
                break
    finally:
        generation.cancel()
    if generation.error is not None:
        raise ActionError(f"The model could not answer: {generation.error.message}")
    text = filling.finish(generation.done is not None and generation.done.stop_reason == "length")
    if hides(text):
        raise ActionError("The model's text holds invisible characters, so nothing was changed.")
    return gap.close(snapshot, text)
