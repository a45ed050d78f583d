"""The gate as a whole, and texts that are none of its business."""

import pytest

from lsp_server.completion.gates.verdict import Verdict
from lsp_server.document import MAX_PARSED
from tests.lsp_server.completion.gates.added import objection


@pytest.mark.parametrize("added", ["", " ", "\n\t "])
def test_what_draws_nothing_is_not_shown(added: str) -> None:
    assert objection(f"x = ⟦{added}⟧\n") == Verdict("blank", added, 0)


def test_a_hidden_character_is_told_with_its_place() -> None:
    assert objection("x = ⟦'a\u202eb'⟧\n") == Verdict("hidden", "\u202e", 2)
    assert objection("# ⟦a\u200bb⟧\n", "toml") == Verdict("hidden", "\u200b", 1)


@pytest.mark.parametrize("language", ["python", "javascript", "markdown", "plaintext", "ruby", "yaml"])
def test_a_comment_says_what_it_likes(language: str) -> None:
    mark = "//" if language == "javascript" else "#"
    assert objection(f"{mark} all ⟦names (and brackets⟧\n", language) is None


def test_a_document_without_a_tree_has_the_simple_gates_alone() -> None:
    assert objection("x = 1\n" * (MAX_PARSED // 6 + 1) + "y = ⟦nothing(⟧\n") is None


def test_line_ends_of_windows_are_no_errors() -> None:
    assert objection("def f(a):\r\n    ⟦if a:\r\n        return 1\r\n    return a⟧\r\n") is None
    assert objection("def f(a):\r\n    ⟦if a:\r\n        return b⟧\r\n") == Verdict("name", "b", 22)


def test_characters_of_several_bytes_are_counted_as_one() -> None:
    assert objection("größe = 'äöü😀'\nprint('😀', ⟦größe, 'ü', groesse⟧)\n") == Verdict(
        "name", "groesse", 12
    )


def test_the_names_of_a_notebook_are_bound_in_other_cells() -> None:
    uri = "vscode-notebook-cell:/a.ipynb#W0sZmlsZQ"
    assert objection("print(⟦frame⟧)\n", uri=uri) is None
    assert objection("print(⟦frame =⟧)\n", uri=uri) is not None
