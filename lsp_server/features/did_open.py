"""`textDocument/didOpen`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lsprotocol import types

from lsp_server import policy
from lsp_server.document import Document

if TYPE_CHECKING:
    from lsp_server.session import Session


def did_open(session: Session, params: types.DidOpenTextDocumentParams) -> None:
    """Keep the text, unless the file's name says that it holds secrets: then it is as if it were not open.

    What a policy or a .midfillignore excludes is kept, and refused at every request: those may change.
    Where the cursor is, nobody tells: perhaps where it last was, if the document was open before.
    """
    opened = params.text_document
    session.mind_policies()
    session.end(opened.uri)
    session.documents.pop(opened.uri, None)
    if not policy.is_secret(opened.uri):
        document = session.documents[opened.uri] = Document(
            opened.uri, opened.language_id, opened.version, opened.text, session.abilities.encoding
        )
        session.nearby.opened(document.snapshot)
        place = min(session.edits.place(opened.uri) or 0, len(document.snapshot.text))
        session.primer.wish(document.snapshot, place, session.means, session.is_current)
