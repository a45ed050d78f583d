"""The last question before a text is shown."""

from __future__ import annotations

from lsp_server import policy


def passes(text: str) -> bool:
    """Whether a finished completion may be shown: it draws something, and hides nothing."""
    return bool(text.strip()) and not policy.hides(text)
