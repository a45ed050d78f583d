"""`textDocument/codeAction`: what could be done here, found by syntax alone.

The model is asked when one is chosen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lsprotocol import types

from lsp_server import policy
from lsp_server.actions import ACTIONS
from lsp_server.features.execute_command import RUN_ACTION
from lsp_server.wire import from_position

if TYPE_CHECKING:
    from lsp_server.session import Session

KIND = types.CodeActionKind.RefactorRewrite


def code_action(session: Session, params: types.CodeActionParams) -> list[types.CodeAction]:
    """The actions at the start of the range; each names the version it was found in."""
    session.mind_policies()
    snapshot = session.snapshot(params.text_document.uri)
    if snapshot is None or not _wanted(params.context.only):
        return []
    if policy.refuses(snapshot.uri, snapshot.language, snapshot.text, session.settings):
        return []
    offset = snapshot.offset(from_position(params.range.start), session.abilities.encoding)
    found = []
    for action in ACTIONS.values():
        if action.find(snapshot, offset) is not None:
            data = {"action": action.name, "uri": snapshot.uri, "version": snapshot.version, "offset": offset}
            offer = types.CodeAction(title=action.title, kind=KIND, data=data)
            if not session.abilities.resolves_edits:
                offer.command = types.Command(title=action.title, command=RUN_ACTION, arguments=[data])
            found.append(offer)
    return found


def _wanted(only: object) -> bool:
    """Whether the kinds that a client asks for include ours: a kind includes those below it."""
    if not isinstance(only, list | tuple):
        return True
    kinds = [str(getattr(kind, "value", kind)) for kind in only]
    return any(not kind or KIND.value == kind or KIND.value.startswith(kind + ".") for kind in kinds)
