"""Where a code action has the model fill in."""

from __future__ import annotations

import re
from dataclasses import dataclass

from lsp_server.document import Document, Snapshot
from lsp_server.syntax.bodies import has_empty_block, num_errors

_INDENT = re.compile(r"^([ \t]+)\S", re.MULTILINE)


class ActionError(Exception):
    """The model's text is of no use; the message is for the user. Nothing has been changed."""


@dataclass(frozen=True, slots=True)
class Gap:
    """[start, end) of a snapshot gives way to `before`, the model's text, and `after`."""

    start: int
    end: int
    before: str = ""
    after: str = ""

    def open(self, snapshot: Snapshot) -> tuple[Snapshot, int]:
        """The document with the gap still empty, and the offset at which the model fills in."""
        return _with(snapshot, self, self.before + self.after), self.start + len(self.before)

    def close(self, snapshot: Snapshot, text: str) -> str:
        """What takes the place of [start, end). Raises ActionError if the document would not parse then."""
        replacement = self.before + text + self.after
        after = _with(snapshot, self, replacement)
        if not _parses(snapshot, after, self.start, self.start + len(replacement)):
            raise ActionError("The model's text does not parse here, so nothing was changed.")
        return replacement


def indentation(snapshot: Snapshot, offset: int) -> str:
    """The white space at the beginning of a line."""
    line = snapshot.text[snapshot.line_start(offset) : snapshot.line_end(offset)]
    return line[: len(line) - len(line.lstrip(" \t"))]


def indent_unit(snapshot: Snapshot) -> str:
    """One step of indentation: that of the first indented line, else four spaces."""
    found = _INDENT.search(snapshot.text)
    if found is None:
        return "    "
    return "\t" if found.group(1).startswith("\t") else found.group(1)


def _parses(before: Snapshot, after: Snapshot, start: int, end: int) -> bool:
    """Whether what now stands in [start, end) has brought no syntax error."""
    if after.tree is None or before.tree is None or num_errors(after.tree) > num_errors(before.tree):
        return False
    return not has_empty_block(after.tree, start, end)


def _with(snapshot: Snapshot, gap: Gap, text: str) -> Snapshot:
    whole = snapshot.text[: gap.start] + text + snapshot.text[gap.end :]
    return Document(snapshot.uri, snapshot.language, snapshot.version, whole).snapshot
