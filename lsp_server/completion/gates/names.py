"""No name that nothing defines."""

from __future__ import annotations

from lsp_server.completion.gates import plain_names, python_names
from lsp_server.completion.gates.shadow import Shadow
from lsp_server.completion.gates.verdict import Verdict


def unknown_name(shadow: Shadow, language: str) -> Verdict | None:
    """The first name in a completion that nothing defines, or None."""
    if language == "python":
        return python_names.unknown_name(shadow)
    return plain_names.unknown_name(shadow, language)
