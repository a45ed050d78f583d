"""Offsets and bytes, paths, and reparsing."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lsp_server.syntax.languages import grammar_for
from lsp_server.syntax.replacement import Replacement
from lsp_server.syntax.tree import MAX_DEPTH, SyntaxTree, children, parse


def tree_of(text: str, language: str = "python") -> SyntaxTree:
    grammar = grammar_for(language, "")
    assert grammar is not None
    tree = parse(text, grammar)
    assert tree is not None
    return tree


@given(st.text(alphabet="aé中😀\ud83d\n", max_size=20))
@settings(deadline=None)
def test_bytes_and_offsets_are_inverse(text: str) -> None:
    tree = tree_of(text)
    sizes = [len(character.encode("utf-8", "surrogatepass")) for character in text]
    for offset in range(len(text) + 1):
        assert tree.byte(offset) == sum(sizes[:offset])
        assert tree.offset(tree.byte(offset)) == offset


def test_the_path_leads_to_the_smallest_node_that_covers_a_range() -> None:
    tree = tree_of("é = f(中)\n")
    at = tree.byte(6)
    path = tree.path(at, at + 3)
    assert path[0].type == "module"
    assert tree.source(path[-1]) == "中"
    assert tree.source(tree.path(tree.byte(4), tree.byte(8))[-1]) == "f(中)"


def test_the_path_is_bounded() -> None:
    assert len(tree_of("(" * 5_000, "javascript").path(4_999)) <= MAX_DEPTH


def test_children_are_those_of_the_node() -> None:
    root = tree_of("a\nb\nc\n").root
    assert [child.start_byte for child in children(root)] == [child.start_byte for child in root.children]


def test_a_replacement_leaves_the_tree_it_came_from() -> None:
    tree = tree_of("x = 1\n")
    before = str(tree.root)
    shadow = tree.replaced(Replacement(4, 5, "f(中)"))
    assert shadow is not None
    assert shadow.text == "x = f(中)\n"
    assert str(shadow.root) == str(tree_of(shadow.text).root)
    assert (tree.text, str(tree.root)) == ("x = 1\n", before)


@pytest.mark.parametrize(
    ("language", "before", "after"),
    [
        ("python", "def f():\n    x = y", "\n\n\n"),
        (
            "python",
            "class A:\n    def f(self):\n        if x:\n            y",
            "\n\n    def g(self): ...\n\n",
        ),
        ("yaml", "z:\n  y: x", "\n"),
        ("javascript", "function f() {\n  y", "\n}\n\n"),
    ],
)
def test_a_letter_at_the_end_of_a_block_leaves_the_nodes_behind_it(
    language: str, before: str, after: str
) -> None:
    unit = {
        "python": "class A:\n    def f(self):\n        return 1\n\n",
        "yaml": "a:\n  b: c\n",
        "javascript": "class A {\n  f() {}\n}\n\n",
    }[language]
    tree = tree_of(before + after + 20 * unit, language)
    edited = tree.replaced(Replacement(len(before), len(before), "x"))
    assert edited is not None
    assert str(edited.root) == str(tree_of(edited.text, language).root)
    last = len(edited.text) - len(unit) // 2
    kept = {node.id for node in tree.path(last - 1)}
    assert kept & {node.id for node in edited.path(last)}


def test_a_reparse_that_takes_too_long_gives_none(monkeypatch: pytest.MonkeyPatch) -> None:
    tree = tree_of("x\n", "c")
    monkeypatch.setattr("lsp_server.syntax.tree.REPARSE_SECONDS", 0.02)
    assert tree.replaced(Replacement(0, 0, "\"'" * 100_000)) is None
