"""`textDocument/didChange`, incremental or with the full text."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

from lsprotocol import types

from lsp_server.document import StaleVersion
from lsp_server.wire import from_change

if TYPE_CHECKING:
    from lsp_server.session import Session

logger = logging.getLogger(__name__)


def did_change(session: Session, params: types.DidChangeTextDocumentParams) -> None:
    """Apply the change and stop what was being computed for the text before it, unless it may still fit.

    A change whose version does not follow is refused, and so is every request until the full text comes: an
    answer for a text that the editor does not have would land in the wrong place.
    """
    uri = params.text_document.uri
    document = session.documents.get(uri)
    if document is None:
        return  # never opened, or never read
    session.turns.end(uri)
    session.index.typed()
    changes = [from_change(change) for change in params.content_changes]
    session.rhythm.typed(uri, changes, time.monotonic())
    before = document.snapshot
    try:
        after = document.apply(changes, params.text_document.version)
        session.edits.changed(before, changes, after, session.abilities.encoding)
        if (place := session.edits.place(uri)) is not None:
            session.primer.wish(after, place, session.means, session.is_current)
    except StaleVersion as error:
        logger.warning("refused a change: %s", error)
    finally:
        session.recent.changed(uri, session.snapshot(uri))


def distrust(session: Session, method: str, params: object) -> None:
    """A notification could not be read: if it was a change, the text here is no longer the editor's."""
    document = params.get("textDocument") if isinstance(params, Mapping) else None
    uri = document.get("uri") if isinstance(document, Mapping) else None
    if method == types.TEXT_DOCUMENT_DID_CHANGE and isinstance(uri, str) and uri in session.documents:
        session.end(uri)
        session.documents[uri].needs_resync = True
