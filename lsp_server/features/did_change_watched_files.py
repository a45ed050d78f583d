"""`workspace/didChangeWatchedFiles`: files that changed on disk, for the index."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lsprotocol import types

if TYPE_CHECKING:
    from lsp_server.session import Session


def did_change_watched_files(session: Session, params: types.DidChangeWatchedFilesParams) -> None:
    """New, written to or gone: the index looks for itself."""
    session.index.changed([change.uri for change in params.changes])
