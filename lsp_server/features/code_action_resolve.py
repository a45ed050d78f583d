"""`codeAction/resolve`: ask the model for the edit of the action that was chosen."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

from lsprotocol import types

from lsp_server.features.action_edit import action_edit, read_choice

if TYPE_CHECKING:
    from lsp_server.session import Session


def code_action_resolve(session: Session, params: types.CodeAction) -> Coroutine[Any, Any, types.CodeAction]:
    """The action with its edit, or an error that says why there is none; raises JsonRpcException."""
    return _resolve(session, params, action_edit(session, read_choice(session, params.data)))


async def _resolve(
    session: Session, params: types.CodeAction, edit: Coroutine[Any, Any, types.WorkspaceEdit]
) -> types.CodeAction:
    params.edit = await edit
    params.command = None
    return params
