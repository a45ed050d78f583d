"""What is known of a place before anything is looked for."""

from inference.messages import Snippet
from lsp_server.completion.context import PREFIX_BUDGET
from lsp_server.completion.sources.query import lines_of, path_in_workspace, window_of
from tests.lsp_server.completion.sources.asking import document, query


def test_the_cursors_own_line_changes_nothing() -> None:
    before = query("import os\nvalue = make_one(a)\n‸")
    after = query("import os\nvalue = make_one(a)\nTyped.half_a_name(‸")
    assert before.names == after.names == ("make_one",)
    assert before.imports == after.imports
    assert [each.module for each in before.imports] == ["os"]


def test_the_nearest_name_comes_first() -> None:
    assert query("first_one()\nSecond()\nfirst_one()\n‸").names == ("first_one", "Second")


def test_a_piece_that_repeats_what_is_near_says_nothing() -> None:
    asked = query("def area(a, b):\n    return a * b\n\n\n‸")
    other = document("other.py", "")
    assert asked.piece(other, "def area(a, b):\n    return a * b\n") is None
    assert asked.piece(other, "def area(a, b):\n    return a + b\n") is not None  # half of it is new
    assert asked.piece(other, "}\n\n  x\n") is None  # nothing that is not everywhere


def test_a_piece_of_the_document_itself_has_no_line_of_the_window() -> None:
    asked = query("def area(a, b):\n    return a * b\n\n\n‸")
    own = asked.snapshot
    assert asked.piece(own, "def area(a, b):\n    other = 1\n    third = 2\n") is None
    assert asked.piece(own, "    other = 1\n") is not None


def test_a_piece_is_what_a_frame_can_carry() -> None:
    piece = query("‸").piece(document("deep/er/n%C3%A4me.py", ""), "one = 1\r\ntwo = '\ud800'\r\n")
    assert piece is not None
    assert piece.snippet == Snippet("näme.py", "one = 1\ntwo = '\ufffd'\n")


def test_the_window_is_all_that_a_prompt_may_hold() -> None:
    long = document("a.py", "word = 1\n" * 4000)
    window = window_of(long, 20_000)
    assert window.start == 20_000 - PREFIX_BUDGET
    assert window.end > 20_000
    assert window.lines >= {"word = 1"}
    assert window_of(document("b.py", "abc"), 1).end == 3


def test_short_lines_do_not_count() -> None:
    assert lines_of("  }\n\nelse:\nend\n\tvalue = 1  \n") == {"else:", "value = 1"}


def test_paths_are_from_the_workspace() -> None:
    assert path_in_workspace("file:///a/b/c%20d.py", "file:///a") == "b/c d.py"
    assert path_in_workspace("file:///other/c.py", "file:///a") == "other/c.py"
    assert path_in_workspace("untitled:Untitled-1", "") == "Untitled-1"
