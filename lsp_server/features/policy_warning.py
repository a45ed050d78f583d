"""`midfill/policyWarning`, from the server: what a policy wants told of a completion that is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lsp_server.completion.answer import Completion
from lsp_server.document import Snapshot
from lsp_server.policy import Pattern
from lsp_server.wire import to_range

if TYPE_CHECKING:
    from lsp_server.session import Session

METHOD = "midfill/policyWarning"
_BEFORE, _AFTER = 1000, 200  # characters of the completion's line


def warnings(session: Session, snapshot: Snapshot, completion: Completion) -> list[Pattern]:
    """The patterns that are found in a completion at its place in `snapshot`, and that do not hide it."""
    start, end = completion.start, completion.end
    before = snapshot.text[max(snapshot.line_start(start), start - _BEFORE) : start]
    after = snapshot.text[end : end + _AFTER].split("\n", 1)[0]
    found = session.settings.rules.findings(before, completion.text, after, snapshot.language)
    return [finding.pattern for finding in found]


def notify_warnings(session: Session, snapshot: Snapshot, completion: Completion) -> list[Pattern]:
    """Tell the client of each; the editor's log hears once of each pattern in a document. Returns them."""
    found = warnings(session, snapshot, completion)
    for pattern in found:
        session.editor.notify(
            METHOD,
            {
                "textDocument": {"uri": snapshot.uri, "version": snapshot.version},
                "range": to_range(snapshot, completion.start, completion.end, session.abilities.encoding),
                "id": pattern.id,
                "message": pattern.message,
            },
        )
        if (snapshot.uri, pattern.id) not in session.warned:
            session.warned.add((snapshot.uri, pattern.id))
            session.editor.log(f"{pattern.id}: {pattern.message}")
    return found
