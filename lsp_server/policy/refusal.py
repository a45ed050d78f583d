"""Whether anything may be read of a document."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from lsp_server.policy.ignore_file import is_ignored
from lsp_server.policy.rules import Rules
from lsp_server.policy.secret_files import begins_a_key, is_secret, path_in
from lsp_server.surrogates import well_formed

if TYPE_CHECKING:
    from lsp_server.settings import Settings


def refuses(uri: str, language: str, text: str, settings: Settings) -> str | None:
    """Why no completion may be made for a document, in a few words; None when one may."""
    if not settings.enabled:
        return "Midfill is switched off (midfill.enabled)"
    if language in settings.disabled_languages:
        return f"the language {language} is switched off (midfill.disabledLanguages)"
    if begins_a_key(text):
        return "it begins as a file of keys does, and those are never read"
    return excludes(uri, language, settings.rules)


def excludes(uri: str, language: str, rules: Rules) -> str | None:
    """Why nothing of a document may be completed, or shown to the model for another one; None where it may.

    By its name and its place alone: what begins as a key does is refused by `begins_a_key`.
    """
    if is_secret(uri):
        return "files of this name hold secrets and are never read"
    path = place_of(uri)
    if (reason := rules.forbid(path, language)) is not None:
        return reason
    if path is None:
        return None
    real = Path(os.path.realpath(path))
    return is_ignored(path) or (is_ignored(real) if real != path else None)


def place_of(uri: str) -> Path | None:
    """The path in a URI of any scheme, notebooks' cells among them; None for a document without one."""
    path = well_formed(path_in(uri))
    if not path.startswith("/") or "\0" in path:
        return None
    return Path(os.path.normpath(path))
