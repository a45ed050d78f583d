"""`workspace/didChangeConfiguration`, and `workspace/configuration` with which the settings are pulled."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from lsprotocol import types
from pygls.exceptions import JsonRpcException

from lsp_server.settings import RESTRICTED, SECTION, Settings
from lsp_server.worker_process import ModelPathError, model_path

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


def apply(session: Session, section: object, is_initial: bool = False) -> None:
    """Lay a section over the settings that the session began with; tell the user once what is wrong in it.

    `is_initial`: it came with `initialize`. What comes later may be the workspace's own, which in one that
    the user does not trust has no say in the settings of RESTRICTED: those stay as the session began.
    """
    problems: tuple[str, ...] = ()
    if not is_initial and not session.abilities.trusted and isinstance(section, Mapping):
        ignored = [name for name in RESTRICTED if section.get(name) not in (None, _now(session, name))]
        problems = tuple(
            f"{SECTION}.{name} is not heard here: the workspace is not trusted." for name in ignored
        )
        section = {name: value for name, value in section.items() if name not in RESTRICTED}
    settings, wrong = session.initial_settings.merged(section)
    if not session.abilities.trusted and (reason := _from_inside(session, settings)) is not None:
        problems, settings = (*problems, reason), replace(settings, model="")
    problems = (*problems, *wrong)
    for problem in problems:
        if problem not in session.settings_problems:
            session.editor.show(problem)
    session.settings_problems = problems
    session.adopt(settings)


def _now(session: Session, name: str) -> object:
    return getattr(session.initial_settings, RESTRICTED[name])


def _from_inside(session: Session, settings: Settings) -> str | None:
    """What to say of a model that lies in the untrusted workspace itself; None for any other."""
    try:
        real = os.path.realpath(model_path(settings.model)) if settings.model else ""
    except ModelPathError:
        return None  # nor can a worker be started with it
    if real and any(Path(real).is_relative_to(os.path.realpath(folder)) for folder in session.folders):
        return f"{SECTION}.model lies in this workspace, which is not trusted: the model that ships is used."
    return None
