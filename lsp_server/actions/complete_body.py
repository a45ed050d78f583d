"""Complete this body: of a function that has none yet, or only `pass`, `...`, `raise NotImplementedError`."""

from __future__ import annotations

from lsp_server.actions.action import Filling
from lsp_server.actions.gap import ActionError, Gap, indent_unit, indentation
from lsp_server.completion.trim import Trim
from lsp_server.document import Snapshot
from lsp_server.syntax.bodies import body_at
from lsp_server.syntax.site import survey

_STUBS = frozenset({"", "pass", "..."})


class CompleteBody:
    """Keeps the docstring and the comments, which say what the body is to do, and replaces the rest."""

    name = "complete-body"
    title = "Complete this body"
    max_tokens = 256

    def find(self, snapshot: Snapshot, offset: int) -> Gap | None:
        body = body_at(snapshot.tree, offset) if snapshot.tree is not None else None
        if body is None or not body.is_function or body.stub_start is None:
            return None
        newline, outer = snapshot.newline, indentation(snapshot, body.start)
        inner = outer + indent_unit(snapshot)
        if body.braced:
            return Gap(body.stub_start, body.end, newline + inner, newline + outer)
        if snapshot.line_start(body.stub_start) > snapshot.line_start(body.head_end):
            inner = indentation(snapshot, body.stub_start)  # as far as the docstring or comment that is kept
        return Gap(body.stub_start, body.end, newline + inner)

    def fill(self, opened: Snapshot, offset: int) -> Filling:
        return _Body(Trim(survey(opened, offset), block=True))


class _Body:
    def __init__(self, trim: Trim) -> None:
        self._trim = trim

    def feed(self, chunk: str) -> bool:
        return self._trim.feed(chunk).complete

    def finish(self, truncated: bool) -> str:
        text = self._trim.finish(truncated).text.rstrip()
        if text.strip() in _STUBS:
            raise ActionError("The model has no body to offer here, so nothing was changed.")
        return text
