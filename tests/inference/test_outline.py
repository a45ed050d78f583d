"""What stands in front of a window that does not reach the file's beginning."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.card import Card
from inference.messages import Extent
from inference.outline import outline_tokens, window_with_outline
from inference.prompt import PromptText, PromptWriter
from inference.request import Request, RequestError
from inference.tokenizer import Tokenizer

IMPORTS = "import os\nimport sys\n"
CLASS, METHOD = "class A:\n", "    def f(self):\n"
TEXT = IMPORTS + CLASS + METHOD + "".join(f"        x{number} = {number}\n" for number in range(200))


def extent(lines: str) -> Extent:
    return Extent(TEXT.index(lines), TEXT.index(lines) + len(lines))


OUTLINE = tuple(map(extent, (METHOD, CLASS, "import os\n", "import sys\n")))


@pytest.fixture(scope="module")
def tokenizer(tokenizer_json: str) -> Tokenizer:
    return Tokenizer(json.loads(tokenizer_json))


def text_of(ids: list[int], tokenizer: Tokenizer) -> str:
    return b"".join(tokenizer.pieces[i] for i in ids).decode()


def test_headers_and_imports_stand_before_the_window_in_the_order_of_the_file(tokenizer: Tokenizer) -> None:
    ids = window_with_outline(TEXT, OUTLINE, 200, tokenizer)
    front, window = text_of(ids, tokenizer).split("        x", 1)
    assert front == IMPORTS + CLASS + METHOD
    assert TEXT.endswith("        x" + window)
    assert len(ids) <= 200


def test_a_text_that_fits_stands_alone(tokenizer: Tokenizer) -> None:
    short = TEXT[:100]
    assert text_of(window_with_outline(short, OUTLINE, 200, tokenizer), tokenizer) == short


def test_what_the_window_holds_is_not_said_twice(tokenizer: Tokenizer) -> None:
    ids = window_with_outline(TEXT, (*OUTLINE, extent("        x199 = 199\n")), 200, tokenizer)
    assert text_of(ids, tokenizer).count("x199") == 1


def test_what_is_named_first_has_precedence(tokenizer: Tokenizer) -> None:
    room = len(tokenizer.encode(METHOD))
    assert text_of(outline_tokens(TEXT, OUTLINE, room, tokenizer), tokenizer) == METHOD
    assert METHOD not in text_of(outline_tokens(TEXT, OUTLINE[::-1], room, tokenizer), tokenizer)


@given(
    st.lists(st.tuples(st.integers(0, len(TEXT)), st.integers(0, 60)), max_size=12),
    st.integers(0, 120),
)
def test_the_room_is_kept_and_nothing_is_said_twice(
    tokenizer: Tokenizer, places: list[tuple[int, int]], room: int
) -> None:
    outline = [Extent(start, min(start + length, len(TEXT))) for start, length in places]
    ids = outline_tokens(TEXT, outline, room, tokenizer)
    assert len(ids) <= room
    assert len(text_of(ids, tokenizer)) <= len({i for e in outline for i in range(e.start, e.end)})


def test_a_keystroke_only_appends(tokenizer: Tokenizer) -> None:
    """Of 300 keystrokes in one scope, nearly all keep every token of the one before."""
    whole = TEXT + "        total = compute(first, second)\n" * 20
    moved, before = 0, []
    for end in range(len(whole) - 300, len(whole)):
        kept = whole[: whole.rfind(" ", 0, end)]
        ids = window_with_outline(kept, OUTLINE, 200, tokenizer)
        moved += ids[: len(before) - 8] != before[:-8]
        before = ids
    assert moved <= 300 // 30


def test_the_outline_counts_characters_of_the_prefix_as_it_was_sent(tokenizer: Tokenizer) -> None:
    card = Card("m", "midfill-spm", prefix_tokens=64, suffix_tokens=16, max_new_tokens=8)
    writer = PromptWriter(card, tokenizer, 512)
    dos = TEXT.replace("\n", "\r\n")
    class_ = Extent(dos.index("class"), dos.index("class") + len("class A:\r\n"))
    assert writer.write(PromptText(dos, outline=(class_,))) == writer.write(
        PromptText(TEXT, outline=(extent(CLASS),))
    )


def test_any_budget_holds(tokenizer: Tokenizer) -> None:
    for budget in range(40):
        assert len(window_with_outline(TEXT, OUTLINE, budget, tokenizer)) <= budget


@pytest.mark.parametrize(("start", "end"), [(0, 4), (3, 2), (9, 9)])
def test_an_extent_outside_the_prefix_is_refused(start: int, end: int) -> None:
    request = Request(1, "", PromptText("abc", outline=(Extent(start, end),)))
    with pytest.raises(RequestError, match=r"outline: .* lies outside a prefix of 3"):
        request.check()
