"""Which grammar and lexical rules a document gets, and that each grammar loads and survives its rules."""

import pytest

from lsp_server.document import Document
from lsp_server.syntax.languages import GRAMMARS, grammar_for, language, lexicon_for
from lsp_server.syntax.lexicon import LEXICONS, PROSE, UNKNOWN


@pytest.mark.parametrize(
    ("language_id", "uri", "expected"),
    [
        ("python", "untitled:1", "python"),
        ("Python", "untitled:1", "python"),
        ("typescriptreact", "file:///a.tsx", "tsx"),
        ("shellscript", "file:///a", "bash"),
        ("nobody-knows", "file:///a%20b.rs?x#y", "rust"),
        ("plaintext", "file:///C:/a/B.PY", "python"),
        ("nobody-knows", "file:///a.xyz", None),
        ("", "", None),
        ("cobol", "file:///a.cob", None),
        ("perl", "file:///a.pl", None),
    ],
)
def test_grammar(language_id: str, uri: str, expected: str | None) -> None:
    grammar = grammar_for(language_id, uri)
    assert (grammar.name if grammar else None) == expected


def test_lexicon_without_a_grammar() -> None:
    assert lexicon_for("perl", "file:///a.pl") is LEXICONS["perl"]
    assert lexicon_for("markdown", "file:///a.md") is PROSE
    assert lexicon_for("nobody-knows", "file:///a") is UNKNOWN


def test_an_unknown_grammar_is_an_error() -> None:
    with pytest.raises(LookupError):
        language("perl")


@pytest.mark.parametrize("name", sorted(GRAMMARS))
def test_each_grammar_is_bundled_and_parses(name: str) -> None:
    tree = Document("file:///a", name, 1, "a (b) {\n  c \"d\" '\ud83d'\n}\n").snapshot.tree
    assert tree is not None
    assert tree.root.end_byte <= len(tree.utf8.data)
