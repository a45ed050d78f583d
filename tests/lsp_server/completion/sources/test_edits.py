"""Recent edits: where they are while the text moves, and which are shown."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lsp_server.completion.sources.edits import RecentEdits
from lsp_server.completion.sources.pace import Pace
from lsp_server.completion.sources.query import Query
from lsp_server.document import Change, Document, Snapshot
from lsp_server.position import Position
from tests.lsp_server.completion.sources.asking import ask, document, query

TEN = "".join(f"line_{n} = call_{n}(0)\n" for n in range(10))


class Typed:
    """A document that is edited, and the edits of it."""

    def __init__(self, text: str = TEN, name: str = "other.py") -> None:
        self.document = Document(f"file:///project/{name}", "python", 1, text, "utf-32")
        self.edits = RecentEdits()

    @property
    def snapshot(self) -> Snapshot:
        return self.document.snapshot

    def replace(self, first: int, last: int, text: str) -> None:
        """Whole lines [first, last) with `text`."""
        self.apply(Change(text, Position(first, 0), Position(last, 0)))

    def apply(self, *changes: Change) -> None:
        before = self.snapshot
        self.document.apply(changes, before.version + 1)
        self.edits.changed(before, self.snapshot, changes)

    def near(self, names: str) -> list[str]:
        """What is shown where `names` are used, a line each."""
        return ask(self.edits, query("".join(f"{name}(1)\n" for name in names.split()) + "‸", self.snapshot))


def test_the_changed_lines_with_one_around_them() -> None:
    typed = Typed()
    typed.replace(4, 5, "line_4 = call_4(1, 2)\n")
    assert typed.near("call_4") == [
        "other.py: line_3 = call_3(0)\nline_4 = call_4(1, 2)\nline_5 = call_5(0)\n"
    ]


def test_only_what_shares_a_name_with_the_cursors_surroundings() -> None:
    typed = Typed()
    typed.replace(4, 5, "line_4 = call_4(1, 2)\n")
    assert typed.near("call_9") == []


def test_the_newest_goes_first_and_edits_side_by_side_are_one() -> None:
    typed = Typed()
    typed.replace(1, 2, "line_1 = call_4(1)\n")
    typed.replace(8, 9, "line_8 = call_4(2)\n")
    typed.replace(7, 8, "line_7 = call_4(3)\n")
    first, second = typed.near("call_4")
    assert "call_4(3)\nline_8 = call_4(2)" in first
    assert "call_4(1)" in second


def test_an_edit_moves_with_its_lines() -> None:
    typed = Typed()
    typed.replace(6, 7, "line_6 = call_6(1)\n")
    typed.replace(0, 0, "import a\nimport b\nimport c\n")
    typed.replace(3, 5, "")
    (found,) = typed.near("call_6")
    assert found == "other.py: line_5 = call_5(0)\nline_6 = call_6(1)\nline_7 = call_7(0)\n"


def test_what_was_pasted_is_no_edit() -> None:
    typed = Typed()
    typed.replace(2, 3, "".join(f"pasted_{n} = call_2({n})\n" for n in range(60)))
    assert typed.near("call_2") == []


def test_the_whole_text_sent_again_is_compared() -> None:
    typed = Typed()
    typed.apply(Change(TEN.replace("call_4(0)", "call_4(1, 2)")))
    assert typed.near("call_4") == [
        "other.py: line_3 = call_3(0)\nline_4 = call_4(1, 2)\nline_5 = call_5(0)\n"
    ]
    typed.apply(Change(typed.snapshot.text))  # saying it again is no edit of anything else
    assert len(typed.near("call_4 call_0 call_9")) <= 2


def test_what_the_window_holds_is_not_shown_again() -> None:
    far = "".join(f"far_{n} = far_{n}_call(0)\n" for n in range(600))
    typed = Typed(TEN + far, "here.py")
    typed.replace(4, 5, "line_4 = call_4(1, 2)\n")

    def found(line: int) -> list[str]:
        text = typed.snapshot.text
        typed.replace(line, line, "call_4(1)\n")
        offset = typed.snapshot.lines.start(line + 1)
        shown = ask(typed.edits, Query.of(typed.snapshot, offset, ()))
        typed.replace(line, line + 1, "")
        assert typed.snapshot.text == text
        return shown

    assert found(20) == []
    assert any("call_4(1, 2)" in each for each in found(590))


def test_a_document_that_is_another_now_has_no_edits() -> None:
    typed = Typed()
    typed.replace(4, 5, "line_4 = call_4(1, 2)\n")
    typed.edits.forget(typed.snapshot.uri)
    assert typed.near("call_4") == []


def test_a_document_that_is_not_offered_is_not_read() -> None:
    typed = Typed()
    typed.replace(4, 5, "line_4 = call_4(1, 2)\n")
    assert ask(typed.edits, query("call_4(1)\n‸", document("third.py", TEN))) == []


@given(
    st.lists(
        st.tuples(st.integers(0, 30), st.integers(0, 3), st.text("ab\n", max_size=8), st.booleans()),
        max_size=25,
    )
)
def test_whatever_is_typed_what_is_shown_is_in_the_document(steps: list[tuple[int, int, str, bool]]) -> None:
    typed = Typed()
    for line, count, text, is_whole in steps:
        if is_whole:
            typed.apply(Change(typed.snapshot.text.replace("call", text or "call", 1)))
        else:
            typed.replace(line, line + count, text)
    asked = query("".join(f"call_{n}(1)\n" for n in range(10)) + "‸", typed.snapshot)
    for piece in asyncio.run(typed.edits.find(asked, Pace())):
        assert piece.uri == typed.snapshot.uri
        assert piece.snippet.text.rstrip("\n") in typed.snapshot.text
        assert len(piece.snippet.text) <= 241


@pytest.mark.parametrize("count", [100])
def test_no_more_than_a_few_are_remembered(count: int) -> None:
    typed = Typed("".join(f"line_{n} = call_{n}(0)\n" for n in range(5 * count)))
    for number in range(count):
        typed.replace(5 * number, 5 * number + 1, f"line = call_{5 * number}(1)\n")
    assert typed.near("call_0") == []
    assert len(typed.near(f"call_{5 * (count - 1)}")) == 1
