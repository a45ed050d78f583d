"""`textDocument/didClose`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lsprotocol import types

if TYPE_CHECKING:
    from lsp_server.session import Session


def did_close(session: Session, params: types.DidCloseTextDocumentParams) -> None:
    """Forget the text, and stop what was being computed for it."""
    session.end(params.text_document.uri)
    session.documents.pop(params.text_document.uri, None)
