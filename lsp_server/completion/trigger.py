"""Whether to complete at all, and how much: nothing, the rest of a statement, or a block."""

import re
from dataclasses import dataclass

from lsp_server.completion.eagerness import Restraint
from lsp_server.completion.ended import is_ended
from lsp_server.document import Snapshot
from lsp_server.syntax.emptiness import in_empty_block, only_closers
from lsp_server.syntax.site import Site, survey

_WORD = re.compile(r"\w")


@dataclass(frozen=True, slots=True)
class Trigger:
    """What a cursor calls for: a block, or else a line, which may go on for as long as its brackets."""

    site: Site
    block: bool


def decide(
    snapshot: Snapshot, offset: int, invoked: bool = False, restraint: Restraint | None = Restraint.STATEMENTS
) -> Trigger | None:
    """What the cursor at `offset` calls for; `invoked` says that the user asked, so that less is held back.

    Nothing (None): inside a word, and (unless asked for) before a word or other code at a line's beginning,
    and behind a line that is complete as far as `restraint` goes, None for not asking. A block: in an empty
    one. Else a line.
    """
    text = snapshot.text
    before, after = text[max(0, offset - 1) : offset], text[offset : offset + 1]
    if _WORD.match(after) and (_WORD.match(before) or not invoked):
        return None
    if "\0" in text[max(0, offset - 1000) : offset + 1000]:
        return None
    site = survey(snapshot, offset)
    if in_empty_block(site):
        return Trigger(site, block=True)
    if invoked or not site.state.in_code:
        return Trigger(site, block=False)
    if not site.before.strip() and not only_closers(site.rest):
        return None
    if restraint is not None and is_ended(site, restraint):
        return None
    return Trigger(site, block=False)
