"""`textDocument/didSave`: what the index has of the file is looked at again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lsprotocol import types

if TYPE_CHECKING:
    from lsp_server.session import Session


def did_save(session: Session, params: types.DidSaveTextDocumentParams) -> None:
    """Nothing waits for it."""
    session.index.changed([params.text_document.uri])
