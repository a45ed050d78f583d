"""A completion in its place, for tests that are tables: ⟦ and ⟧ stand around it."""

from lsp_server.completion.gate import Gate
from lsp_server.completion.gates.verdict import Verdict
from lsp_server.document import Document
from lsp_server.syntax.site import survey


def objection(source: str, language: str = "python", uri: str = "file:///test") -> Verdict | None:
    """What the gates say of the text between the marks, put where it stands."""
    before, rest = source.split("⟦")
    added, behind = rest.split("⟧")
    snapshot = Document(uri, language, 1, before + behind).snapshot
    return Gate(survey(snapshot, len(before))).objection(added)
