"""Whether to complete at all, and how much: nothing, the rest of a statement, or a block."""

import re
from enum import StrEnum

from lsp_server.document import Snapshot
from lsp_server.syntax.emptiness import in_empty_block, only_closers
from lsp_server.syntax.site import survey

_WORD = re.compile(r"\w")


class Trigger(StrEnum):
    """What a cursor calls for."""

    NONE = "none"
    LINE = "line"
    BLOCK = "block"


def decide(snapshot: Snapshot, offset: int, invoked: bool = False) -> Trigger:
    """What the cursor at `offset` calls for; `invoked` says that the user asked, so that less is held back.

    Nothing: inside a word, and (unless asked for) before a word or other code at a line's beginning, and
    behind a statement that is complete. A block: in an empty one. Else a line, which may go on for as long
    as its brackets.
    """
    text = snapshot.text
    before, after = text[max(0, offset - 1) : offset], text[offset : offset + 1]
    if _WORD.match(after) and (_WORD.match(before) or not invoked):
        return Trigger.NONE
    if "\0" in text[max(0, offset - 1000) : offset + 1000]:
        return Trigger.NONE
    site = survey(snapshot, offset)
    if in_empty_block(site):
        return Trigger.BLOCK
    if invoked or not site.state.in_code:
        return Trigger.LINE
    if not site.before.strip() and not only_closers(site.rest):
        return Trigger.NONE
    if site.before.rstrip().endswith(";") and only_closers(site.rest) and site.snapshot.grammar is not None:
        return Trigger.NONE
    return Trigger.LINE
