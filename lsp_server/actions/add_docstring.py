"""Add docstring: to a Python function or class that has none."""

from __future__ import annotations

import re

from lsp_server.actions.action import Filling
from lsp_server.actions.gap import ActionError, Gap, indentation
from lsp_server.completion.repetition import looped
from lsp_server.document import Snapshot
from lsp_server.syntax.bodies import body_at

_QUOTES = '"""'
_MAX_LENGTH = 2_000
_SENTENCE_END = re.compile(r"[.!?](?=\s)|[。！？]|(?=\n)")


class AddDocstring:
    """The model fills in between the quotes, with the header before them and the body behind."""

    name = "add-docstring"
    title = "Add docstring"
    max_tokens = 96

    def find(self, snapshot: Snapshot, offset: int) -> Gap | None:
        if snapshot.tree is None or snapshot.language != "python":
            return None
        body = body_at(snapshot.tree, offset)
        if body is None or body.braced or body.has_docstring:
            return None
        first = snapshot.text[body.head_end : body.end]
        at = snapshot.line_end(body.head_end)
        if not first.strip() or at >= body.end:  # nothing to describe, or a body on the line of its header
            return None
        first_line = body.head_end + len(first) - len(first.lstrip())
        if snapshot.line_start(first_line) <= at:  # a comment behind the colon
            first_line = at + len(snapshot.text[at : body.end]) - len(snapshot.text[at : body.end].lstrip())
        return Gap(at, at, snapshot.newline + indentation(snapshot, first_line) + _QUOTES, _QUOTES)

    def fill(self, opened: Snapshot, offset: int) -> Filling:
        return _Docstring(indentation(opened, offset), opened.newline)


class _Docstring:
    def __init__(self, indent: str, newline: str) -> None:
        self._indent = indent
        self._newline = newline
        self._text = ""

    def feed(self, chunk: str) -> bool:
        self._text += chunk
        return _QUOTES in self._text or len(self._text) > _MAX_LENGTH

    def finish(self, truncated: bool) -> str:
        text, closed, _ = self._text.partition(_QUOTES)
        loop = looped(text)
        if loop is not None:
            text = text[:loop]
        if loop is not None or (truncated and not closed):
            text = _whole_sentences(text)
        lines = [line.rstrip() for line in text.strip().splitlines()]
        if not lines or "\\" in text or text.rstrip().endswith('"') or len(text) > _MAX_LENGTH:
            raise ActionError("The model has no docstring to offer here, so nothing was changed.")
        if len(lines) == 1:
            return lines[0]
        return self._newline.join([*lines, self._indent])


def _whole_sentences(text: str) -> str:
    """A text without its last sentence, or line, which the model was not done with."""
    ends = [match.end() for match in _SENTENCE_END.finditer(text)]
    return text[: ends[-1]] if ends else ""
