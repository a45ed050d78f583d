"""Windows hold their budget, end at line ends, and stay put while someone types."""

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.healing import word_cut
from inference.tokenizer import Tokenizer
from inference.window import first_tokens, last_tokens

LINES = st.lists(st.text("ab ()\t中😀.", max_size=40), max_size=60).map("\n".join)
TEXT = st.one_of(LINES, st.text(max_size=300), LINES.map(lambda text: text * 4))
BUDGET = st.integers(1, 120)


@pytest.fixture(scope="module")
def tokenizer(tokenizer_json):
    return Tokenizer(json.loads(tokenizer_json))


@pytest.fixture(scope="module")
def source():
    return Path(re.__file__).read_text(encoding="utf-8")


def text_of(tokenizer, ids):
    return b"".join(tokenizer.pieces[i] for i in ids).decode()


@given(text=TEXT, budget=BUDGET)
def test_the_last_tokens_are_an_end_of_the_text_within_budget(tokenizer, text, budget):
    ids = last_tokens(text, budget, tokenizer)
    assert len(ids) <= budget
    # NFC may join what the cut parted from its base, so compare normalised.
    assert tokenizer.normalise(text).endswith(text_of(tokenizer, ids)[1:])


@given(text=TEXT, budget=BUDGET)
def test_the_first_tokens_are_a_beginning_of_the_text_within_budget(tokenizer, text, budget):
    ids = first_tokens(text, budget, tokenizer)
    assert len(ids) <= budget
    assert tokenizer.normalise(text).startswith(text_of(tokenizer, ids)[:-1])


@given(text=TEXT)
def test_a_text_that_fits_is_kept_whole(tokenizer, text):
    ids = tokenizer.encode(text)
    assert last_tokens(text, 5000, tokenizer) == ids
    assert first_tokens(text, 5000, tokenizer) == ids


def test_no_budget_no_tokens(tokenizer):
    assert last_tokens("abc", 0, tokenizer) == []
    assert first_tokens("abc", -3, tokenizer) == []


@pytest.mark.parametrize("budget", [96, 160, 320])
def test_windows_of_code_are_whole_lines_and_well_filled(tokenizer, source, budget):
    lines = source.splitlines(keepends=True)
    for count in range(60, len(lines), 17):
        before, after = "".join(lines[:count]), "".join(lines[count:])
        kept = text_of(tokenizer, last_tokens(before, budget, tokenizer))
        assert before.endswith(kept)
        assert before[: len(before) - len(kept)].endswith("\n")
        assert len(tokenizer.encode(kept)) >= budget // 8
        head = text_of(tokenizer, first_tokens(after, budget, tokenizer))
        assert after.startswith(head)
        assert head == after or head.endswith("\n")


def test_the_start_moves_in_steps_of_many_lines(tokenizer, source):
    """3,000 characters typed one by one and cut back as prompts are; the budget is about 10 lines."""
    starts = []
    for end in range(4000, 7000):
        text = source[: word_cut(source[:end])]
        starts.append(len(text) - len(text_of(tokenizer, last_tokens(text, 96, tokenizer))))
    typed_tokens = len(tokenizer.encode(source[4000:7000]))
    assert len(set(starts)) <= 4 * typed_tokens / 96
    assert starts == sorted(starts), "a window that goes back computes everything again"


def test_the_start_does_not_depend_on_where_the_caller_cut(tokenizer, source):
    whole = last_tokens(source[:9000], 96, tokenizer)
    for cut in range(2000, 6000, 131):
        assert last_tokens(source[cut:9000], 96, tokenizer) == whole


def test_a_line_longer_than_the_budget_is_cut_in_steps_too(tokenizer):
    line = "".join(f"x{i}+" for i in range(3000))
    starts = {
        end - len(text_of(tokenizer, last_tokens(line[:end], 64, tokenizer))) for end in range(3000, 3400)
    }
    assert len(starts) < 40
