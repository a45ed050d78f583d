"""`workspace/executeCommand`: an action for editors that do not resolve edits.

The edit is sent to them with `workspace/applyEdit` instead.
"""

from __future__ import annotations

from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

from lsprotocol import types
from pygls.exceptions import JsonRpcInvalidParams

from lsp_server.features.action_edit import Choice, action_edit, read_choice

if TYPE_CHECKING:
    from lsp_server.session import Session

RUN_ACTION = "midfill.runAction"


def execute_command(session: Session, params: types.ExecuteCommandParams) -> Coroutine[Any, Any, None]:
    """Run the one command that there is. Raises JsonRpcException for another, and where there is no edit."""
    if params.command != RUN_ACTION or not params.arguments:
        raise JsonRpcInvalidParams(f"bad params: the command is {RUN_ACTION}, with an action's data")
    return _run(session, read_choice(session, params.arguments[0]), params.work_done_token)


async def _run(session: Session, choice: Choice, token: int | str | None) -> None:
    edit = await action_edit(session, choice, token)
    session.editor.request(
        types.WORKSPACE_APPLY_EDIT, types.ApplyWorkspaceEditParams(edit=edit, label=choice.action.title)
    )
