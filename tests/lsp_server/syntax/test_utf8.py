"""Bytes, offsets and points against their definitions, through any replacements."""

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lsp_server.syntax import utf8
from lsp_server.syntax.replacement import Replacement
from lsp_server.syntax.utf8 import Utf8

TEXTS = st.text(alphabet="ab\n\ré中😀\ud83d\ude00", max_size=40)
EDITS = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60), TEXTS), max_size=8)


@pytest.fixture(autouse=True, scope="module")
def marks_that_stand_close() -> Iterator[None]:
    """So that texts of a few characters have many marks."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(utf8, "STEP", 3)
        yield


def encoded(text: str) -> bytes:
    return "".join("\ufffd" if "\ud800" <= char <= "\udfff" else char for char in text).encode()


def check(form: Utf8, text: str) -> None:
    """What the form says of each character is what counting from the beginning says."""
    assert form.text == text
    assert form.data == encoded(text)
    for offset in range(len(text) + 1):
        before = encoded(text[:offset])
        assert form.byte(offset) == len(before)
        assert form.offset(len(before)) == offset
        assert form.point(offset) == (before.count(b"\n"), len(before.rpartition(b"\n")[2]))


@given(TEXTS, EDITS)
@settings(deadline=None)
def test_conversions_are_those_of_a_count_from_the_beginning(
    text: str, edits: list[tuple[int, int, str]]
) -> None:
    form = Utf8.of(text)
    check(form, text)
    for first, last, inserted in edits:
        start, end = sorted((min(first, len(text)), min(last, len(text))))
        before, text = text, text[:start] + inserted + text[end:]
        old, form = form, form.replaced(Replacement(start, end, inserted), text)
        check(form, text)
        check(old, before)


@given(TEXTS, EDITS)
@settings(deadline=None)
def test_a_conversion_reads_no_more_than_two_steps(text: str, edits: list[tuple[int, int, str]]) -> None:
    form = Utf8.of(text)
    for first, last, inserted in edits:
        start, end = sorted((min(first, len(text)), min(last, len(text))))
        text = text[:start] + inserted + text[end:]
        form = form.replaced(Replacement(start, end, inserted), text)
    read: list[int] = []

    def counted(piece: str) -> int:
        read.append(len(piece))
        return len(encoded(piece))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(utf8, "_size", counted)
        for offset in range(len(text) + 1):
            form.byte(offset)
    assert max(read, default=0) <= 2 * utf8.STEP
