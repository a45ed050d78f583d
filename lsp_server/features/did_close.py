"""`textDocument/didClose`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lsprotocol import types

if TYPE_CHECKING:
    from lsp_server.session import Session


def did_close(session: Session, params: types.DidCloseTextDocumentParams) -> None:
    """Stop what was being computed for the text. What it says of other documents is kept for a while."""
    session.end(params.text_document.uri)
    session.nearby.closed(params.text_document.uri)
    session.documents.pop(params.text_document.uri, None)
