"""A chosen code action, from what `codeAction` gave out with it to the edit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lsprotocol import types
from pygls.exceptions import JsonRpcContentModified, JsonRpcException, JsonRpcInvalidParams

from lsp_server import policy
from lsp_server.actions import ACTIONS, Action, ActionError, Gap
from lsp_server.actions.infill import infill
from lsp_server.document import Snapshot
from lsp_server.link import Generation
from lsp_server.progress import progress
from lsp_server.wire import to_range

if TYPE_CHECKING:
    from lsp_server.session import Session

REQUEST_FAILED = -32803
REQUEST_CANCELLED = -32800


@dataclass(frozen=True, slots=True)
class Choice:
    """An action and the gap that it is to fill, in the document as it was when the choice arrived."""

    action: Action
    snapshot: Snapshot
    gap: Gap


def read_choice(session: Session, data: object) -> Choice:
    """What an action's `data` stands for now. Raises JsonRpcException if it stands for nothing any more."""
    if not isinstance(data, Mapping):
        raise JsonRpcInvalidParams("bad params: the action has none of our data")
    action = ACTIONS.get(str(data.get("action")))
    uri, version, offset = data.get("uri"), data.get("version"), data.get("offset")
    if (
        action is None
        or not isinstance(uri, str)
        or not isinstance(version, int)
        or not isinstance(offset, int)
    ):
        raise JsonRpcInvalidParams("bad params: the action's data is not ours")
    session.mind_policies()
    snapshot = session.snapshot(uri)
    if snapshot is None or snapshot.version != version:
        raise JsonRpcContentModified("The document has changed since the action was offered.")
    refusal = policy.refuses(uri, snapshot.language, snapshot.text, session.settings)
    gap = action.find(snapshot, offset)
    if refusal is not None or gap is None:
        raise JsonRpcException(refusal or "There is nothing here to do.", REQUEST_FAILED)
    return Choice(action, snapshot, gap)


async def action_edit(
    session: Session, choice: Choice, token: int | str | None = None
) -> types.WorkspaceEdit:
    """Have the model fill the gap, with a progress bar whose button stops it.

    Raises JsonRpcException: cancelled, failed with the reason, or the document has moved on meanwhile.
    """
    action, snapshot, gap = choice.action, choice.snapshot, choice.gap
    session.recent.make_way()
    generations: list[Generation] = []
    cancelled = False

    def cancel() -> None:
        nonlocal cancelled
        cancelled = True
        for generation in generations:
            generation.cancel()

    with progress(session.editor, session.abilities.progress, action.title, cancel, token) as bar:

        def grown(num_characters: int) -> bool:
            bar.report(f"{num_characters} characters")
            return session.is_current(snapshot)

        try:
            text = await infill(action, snapshot, gap, session.link, session.salt, generations.append, grown)
        except ActionError as error:
            if cancelled:
                raise JsonRpcException(f"{action.title}: cancelled.", REQUEST_CANCELLED) from error
            if session.is_current(snapshot):
                raise JsonRpcException(str(error), REQUEST_FAILED) from error
            text = ""
    if cancelled:
        raise JsonRpcException(f"{action.title}: cancelled.", REQUEST_CANCELLED)
    if not session.is_current(snapshot):
        raise JsonRpcContentModified("The document has changed meanwhile, so nothing was changed.")
    _mind(session, snapshot, text)
    edit = types.TextEdit(to_range(snapshot, gap.start, gap.end, session.abilities.encoding), text)
    if not session.abilities.document_changes:
        return types.WorkspaceEdit(changes={snapshot.uri: [edit]})
    document = types.OptionalVersionedTextDocumentIdentifier(snapshot.uri, snapshot.version)
    return types.WorkspaceEdit(document_changes=[types.TextDocumentEdit(document, [edit])])


def _mind(session: Session, snapshot: Snapshot, text: str) -> None:
    """Raises JsonRpcException where the text holds a secret, or what a policy hides."""
    if policy.secret_in("", text, "") is not None:
        raise JsonRpcException(
            "The model's text holds what looks like a secret, so nothing was changed.", REQUEST_FAILED
        )
    for finding in session.settings.rules.findings("", text, "", snapshot.language):
        if finding.pattern.action == "hide":
            raise JsonRpcException(
                f"A policy forbids the text ({finding.pattern.id}): {finding.pattern.message}", REQUEST_FAILED
            )
