"""`midfill/status`, from the server: whether completions can be had, and if not, what to do about it."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from lsprotocol import types

if TYPE_CHECKING:
    from lsp_server.editor import Editor
    from lsp_server.worker_link import LinkStatus

METHOD = "midfill/status"


def notify_status(editor: Editor, status: LinkStatus) -> None:
    """Tell the editor of a change; an error goes to its log too: not every client knows `midfill/status`."""
    editor.notify(METHOD, asdict(status))
    if status.state == "error":
        cure = f" {status.cure}" if status.cure else ""
        editor.log(f"{status.message}{cure}", types.MessageType.Error)
