"""`workspace/didChangeConfiguration`, and `workspace/configuration` with which the settings are pulled."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING

from lsprotocol import types
from pygls.exceptions import JsonRpcException

from lsp_server.settings import SECTION

if TYPE_CHECKING:
    from lsp_server.session import Session

logger = logging.getLogger(__name__)

_PATIENCE_S = 3.0  # for a client that says it has a configuration and never sends it


def did_change_configuration(session: Session, params: types.DidChangeConfigurationParams) -> None:
    """Pull the settings from a client that can be asked; take what is pushed from the others."""
    if session.abilities.configuration:
        session.spawn(pull(session))
    elif isinstance(params.settings, Mapping):
        apply(session, params.settings.get(SECTION))


async def pull(session: Session) -> None:
    """Ask the editor for the section `midfill` and adopt it; keep what there is if it does not answer."""
    if not session.abilities.configuration:
        return
    try:
        async with asyncio.timeout(_PATIENCE_S):
            section = await session.editor.configuration(SECTION)
    except (TimeoutError, JsonRpcException) as error:
        logger.warning("the editor did not send its configuration: %s", error or "no answer")
        return
    apply(session, section)


def apply(session: Session, section: object) -> None:
    """Lay a section over the settings that the session began with; tell the user once what is wrong in it."""
    settings, problems = session.initial_settings.merged(section)
    for problem in problems:
        if problem not in session.settings_problems:
            session.editor.show(problem)
    session.settings_problems = problems
    session.adopt(settings)
