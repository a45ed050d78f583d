"""`textDocument/inlineCompletion`, with the growing text for clients that asked for it."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from lsprotocol import types

from inference.messages import Done, Statistics
from lsp_server.completion.ahead import go_on
from lsp_server.completion.answer import Completion, answer
from lsp_server.completion.asked import Asked
from lsp_server.completion.stream import Reader
from lsp_server.document import Change, Snapshot
from lsp_server.features.policy_warning import notify_warnings
from lsp_server.position import Encoding
from lsp_server.turns import Turn
from lsp_server.why.trace import MOVED_ON, Trace
from lsp_server.wire import from_position, to_range

if TYPE_CHECKING:
    from lsp_server.session import Session

PARTIAL = "midfill/inlineCompletionPartial"
STATISTICS = "midfill/inlineCompletionStatistics"

PREFETCH_AFTER_S = 0.2
"""On the screen for so long, a completion is one that the user may accept: the next key comes sooner."""

_NOTHING = Statistics(0, 0, 0, 0.0, 0.0, 0.0, 0.0)  # of what needed no model


@dataclass(frozen=True, slots=True)
class Place:
    """Where an editor wants text: after `chosen`, put in the place of [start, end) of `snapshot`.

    `chosen` is the entry selected in the popup, which the editor shows as if it were taken; else it is empty,
    and `asked` is `snapshot`. `offset` is the cursor in `asked`.
    """

    snapshot: Snapshot
    start: int
    end: int
    chosen: str
    asked: Snapshot
    offset: int

    @classmethod
    def of(cls, snapshot: Snapshot, params: types.InlineCompletionParams, encoding: Encoding) -> Place:
        selected = params.context.selected_completion_info
        if selected is None:
            offset = snapshot.offset(from_position(params.position), encoding)
            return cls(snapshot, offset, offset, "", snapshot, offset)
        first, last = from_position(selected.range.start), from_position(selected.range.end)
        asked = snapshot.edited(Change(selected.text, first, last), encoding)
        start, end = sorted((snapshot.offset(first, encoding), snapshot.offset(last, encoding)))
        return cls(snapshot, start, end, selected.text, asked, len(asked.text) - (len(snapshot.text) - end))

    @property
    def extends(self) -> bool:
        """Whether what is selected in the popup begins with what it replaces, so far as there is anything."""
        return self.chosen.casefold().startswith(self.snapshot.text[self.start : self.end].casefold())

    def range(self, encoding: Encoding, num_replaced: int = 0) -> types.Range:
        """What `chosen` and a completion replace together, if that replaces `num_replaced` characters."""
        return to_range(self.snapshot, self.start, self.end + num_replaced, encoding)


def inline_completion(
    session: Session, params: types.InlineCompletionParams
) -> Coroutine[Any, Any, types.InlineCompletionList]:
    """Take the turn and the snapshot now, before the next message; answer in a task."""
    uri = params.text_document.uri
    session.nearby.visited(uri)
    session.mind_policies()
    return _reply(session, params, session.turns.take(uri), session.snapshot(uri))


async def _reply(
    session: Session, params: types.InlineCompletionParams, turn: Turn, snapshot: Snapshot | None
) -> types.InlineCompletionList:
    readers: list[Reader] = []
    trace = Trace()
    session.primer.forget()
    try:
        if snapshot is None:
            return types.InlineCompletionList([])
        encoding, streaming = session.abilities.encoding, session.abilities.streaming
        place = Place.of(snapshot, params, encoding)
        cursor = snapshot.offset(from_position(params.position), encoding)
        session.edits.asked(snapshot.uri, cursor)
        request = Asked(
            place.asked,
            place.offset,
            session.settings,
            invoked=params.context.trigger_kind == types.InlineCompletionTriggerKind.Invoked,
            erased=session.edits.erased_at(snapshot.uri, cursor),
            extends=place.extends,
        )
        trace = session.ring.begin(request)
        moment = request.moment(trace)

        def grown(text: str) -> None:
            _notify_partial(session, params, place, text)

        def asked(reader: Reader) -> None:
            readers.append(reader)
            if streaming:
                session.spawn(_notify_statistics(session, params, reader))

        completion = await answer(moment, turn, session.means, grown if streaming else None, asked)
    finally:
        session.turns.give_back(params.text_document.uri, turn)
        trace.close()
    if not readers and session.is_current(snapshot):
        session.primer.wish(snapshot, cursor, session.means, session.is_current)
    if completion is not None and not session.is_current(snapshot):
        trace.withdrawn(MOVED_ON)
    if completion is None or not session.is_current(snapshot):
        return types.InlineCompletionList([])
    notify_warnings(session, place.asked, completion)
    if session.settings.prefetch:
        session.spawn(_go_on(session, snapshot, place.asked, completion))
    replaced = place.range(encoding, completion.end - completion.start)
    item = types.InlineCompletionItem(insert_text=place.chosen + completion.text, range=replaced)
    return types.InlineCompletionList([item])


async def _go_on(session: Session, snapshot: Snapshot, asked: Snapshot, completion: Completion) -> None:
    """Prefetch what comes after a completion that has been shown for a while, if the model is free."""
    await asyncio.sleep(PREFETCH_AFTER_S)
    if session.is_current(snapshot) and not session.recent.is_read:
        snippets = session.nearby.held(asked, completion.start)
        go_on(asked, completion, session.settings, session.link, session.salt, session.recent, snippets)


def _notify_partial(session: Session, params: types.InlineCompletionParams, place: Place, text: str) -> None:
    if session.editor.congested:
        return  # the next one holds this one's text too
    session.editor.notify(
        PARTIAL,
        {
            "textDocument": {"uri": place.snapshot.uri, "version": place.snapshot.version},
            "position": params.position,
            "range": place.range(session.abilities.encoding),
            "text": place.chosen + text,
        },
    )


async def _notify_statistics(session: Session, params: types.InlineCompletionParams, reader: Reader) -> None:
    """What the completion cost, for benchmarks and the curious; a step of the model after the reply.

    `waitedMs` is the part of the reply's time that went by between asking the worker and having heard enough.
    """
    reason, statistics = "", _NOTHING
    if reader.source != "recent":
        outcome = await reader.outcome()
        if not isinstance(outcome, Done):
            return
        reason, statistics = outcome.stop_reason, outcome.statistics
    session.editor.notify(
        STATISTICS,
        {
            "textDocument": {"uri": params.text_document.uri},
            "position": params.position,
            "source": reader.source,
            "stopReason": reason,
            "waitedMs": reader.waited_ms,
            "statistics": asdict(statistics),
        },
    )
