"""Where the last edit was, and whether it took text away."""

import pytest

from lsp_server.completion.edits import Edits
from lsp_server.document import Change, Document
from lsp_server.position import Position

URI = "file:///a.py"
TEXT = "x = 😀foo(a)\ny\n"


def after(*changes: Change) -> tuple[Edits, str]:
    document = Document(URI, "python", 1, TEXT)
    edits, before = Edits(), document.snapshot
    edits.changed(before, changes, document.apply(list(changes), 2), "utf-16")
    return edits, document.snapshot.text


def at(start: int, end: int, text: str, line: int = 0) -> Change:
    return Change(text, Position(line, start), Position(line, end))


@pytest.mark.parametrize(
    ("changes", "place", "erased"),
    [
        ([at(6, 9, "")], 5, True),
        ([at(9, 6, "")], 5, True),
        ([at(6, 6, "b")], 6, False),
        ([at(6, 9, "b")], 6, False),  # replaced
        ([at(6, 6, "")], 5, False),  # nothing
        ([at(0, 1, "", line=1), at(6, 9, "")], 5, True),  # two cursors
        ([at(0, 1, "z", line=1), at(6, 9, "")], 5, False),
        ([Change("x = 😀\n")], None, True),
        ([Change(TEXT + "z")], None, False),
    ],
)
def test_the_last_edit(changes: list[Change], place: int | None, erased: bool) -> None:
    edits, text = after(*changes)
    assert edits.place(URI) == place
    cursor = len(text) if place is None else place
    assert edits.erased_at(URI, cursor) is erased


def test_moving_the_cursor_ends_it() -> None:
    edits, _ = after(at(6, 9, ""))
    assert not edits.erased_at(URI, 2)
    edits.asked(URI, 5)
    assert edits.erased_at(URI, 5)
    edits.asked(URI, 2)
    edits.asked(URI, 5)
    assert not edits.erased_at(URI, 5)
    assert edits.place(URI) == 5


def test_a_document_that_was_never_edited() -> None:
    edits = Edits()
    assert (edits.place(URI), edits.erased_at(URI, 0)) == (None, False)
    edits.asked(URI, 7)
    assert (edits.place(URI), edits.erased_at(URI, 7)) == (7, False)
