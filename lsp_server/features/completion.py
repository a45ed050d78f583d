"""`textDocument/completion`: the same answer in the popup, for editors without inline completion."""

from __future__ import annotations

import re
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

from lsprotocol import types

from lsp_server.completion.answer import Completion, answer
from lsp_server.completion.asked import Asked
from lsp_server.document import Snapshot
from lsp_server.features.policy_warning import notify_warnings
from lsp_server.turns import Turn
from lsp_server.why.trace import MOVED_ON
from lsp_server.wire import from_position, to_range

if TYPE_CHECKING:
    from lsp_server.session import Session

TRIGGERS = (".", "(", "=", " ")

_LABEL_LENGTH = 60
_WORD = re.compile(r"\w*\Z")


def completion(session: Session, params: types.CompletionParams) -> Coroutine[Any, Any, types.CompletionList]:
    """Take the turn and the snapshot now, before the next message; answer in a task."""
    uri = params.text_document.uri
    session.nearby.visited(uri)
    session.mind_policies()
    return _reply(session, params, session.turns.take(uri), session.snapshot(uri))


async def _reply(
    session: Session, params: types.CompletionParams, turn: Turn, snapshot: Snapshot | None
) -> types.CompletionList:
    items: list[types.CompletionItem] = []
    if snapshot is not None:
        session.primer.forget()
        offset = snapshot.offset(from_position(params.position), session.abilities.encoding)
        session.edits.asked(snapshot.uri, offset)
        erased = session.edits.erased_at(snapshot.uri, offset)
        request = Asked(snapshot, offset, session.settings, erased=erased)
        trace = session.ring.begin(request)
        try:
            found = await answer(request.moment(trace), turn, session.means)
        finally:
            session.turns.give_back(params.text_document.uri, turn)
            trace.close()
        if found is not None and session.is_current(snapshot):
            items.append(_item(session, snapshot, found))
        elif found is not None:
            trace.withdrawn(MOVED_ON)
    # Incomplete: at the next key the editor asks again instead of filtering this one entry.
    return types.CompletionList(is_incomplete=True, items=items)


def _item(session: Session, snapshot: Snapshot, found: Completion) -> types.CompletionItem:
    """The edit begins at the word before the cursor, against which editors match `filterText`."""
    match = _WORD.search(snapshot.text[snapshot.line_start(found.start) : found.start])
    word = match.group() if match is not None else ""
    text = word + found.text
    warned = [pattern.message for pattern in notify_warnings(session, snapshot, found)]
    first_line = text.strip().splitlines()[0]
    label = first_line if len(first_line) <= _LABEL_LENGTH else first_line[: _LABEL_LENGTH - 1] + "…"
    replaced = to_range(snapshot, found.start - len(word), found.end, session.abilities.encoding)
    return types.CompletionItem(
        label=label,
        detail=": ".join(["Midfill", *warned[:1]]),
        kind=types.CompletionItemKind.Text,
        documentation=types.MarkupContent(
            types.MarkupKind.Markdown, f"{_fence(text)}{snapshot.language}\n{text}\n{_fence(text)}"
        ),
        filter_text=text.split("\n", 1)[0].rstrip("\r"),
        text_edit=types.TextEdit(replaced, text),
        insert_text_mode=types.InsertTextMode.AsIs,
    )


def _fence(text: str) -> str:
    """A code fence longer than any run of backticks in the text."""
    return "`" * max(3, 1 + max((len(run) for run in re.findall(r"`+", text)), default=0))
