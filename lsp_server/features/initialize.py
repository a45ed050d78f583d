"""`initialize` and `initialized`: the reply waits for no model, which is started behind it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from lsprotocol import types

from lsp_server.editor import Abilities, initial_settings
from lsp_server.features.configuration import apply, pull
from lsp_server.features.explain import explain
from lsp_server.policy.refusal import place_of
from lsp_server.why.door import Door

if TYPE_CHECKING:
    from lsp_server.session import Session


def initialize(session: Session, params: types.InitializeParams) -> None:
    session.abilities = Abilities.of(params)
    folders = params.workspace_folders or ()
    session.workspace = folders[0].uri if folders else params.root_uri or params.root_path or ""
    session.folders = tuple(
        path for uri in (session.workspace, *(folder.uri for folder in folders)) if (path := place_of(uri))
    )
    apply(session, initial_settings(params), is_initial=True)
    session.initial_settings = session.settings
    session.mind_policies()


def initialized(session: Session, params: types.InitializedParams) -> None:
    session.door = Door(partial(explain, session))
    session.spawn(session.door.open())
    session.spawn(_begin(session))


async def _begin(session: Session) -> None:
    # The settings first: they may name another model than the one that would be started.
    await pull(session)
    session.start_link()
    session.start_index()
