"""Where prompts are cut back, and which tokens may follow."""

import json

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from inference.healing import PieceIndex, safe_cut
from inference.tokenizer import Tokenizer

CODE = st.text("ab_ \n\t().,:=é中0", max_size=60)


@pytest.fixture(scope="module")
def tokenizer(tokenizer_json):
    return Tokenizer(json.loads(tokenizer_json))


@pytest.fixture(scope="module")
def index(tokenizer):
    return PieceIndex(tokenizer.pieces, sorted(tokenizer.controls.values()))


CUTS = [
    ("", ""),
    ("ret", "ret"),
    ("    ret", "    ret"),
    ("x = foo", " foo"),
    ("x = ", " "),  # what `= ` was merged from stays
    ("x =", " ="),
    ("foo(", "("),  # may become `(self`
    ("foo(ba", "(ba"),
    ("a.b", ".b"),
    ("x = 1\n    ", "\n    "),
    ("def f():\n    ", "():\n    "),  # `():⏎` is one pre-token
    ("def f():\n    re", "():\n    re"),
    ("'", "'"),
    ("# 中", " 中"),
]


@pytest.mark.parametrize(("text", "removed"), CUTS, ids=[repr(text) for text, _ in CUTS])
def test_cuts(tokenizer, text, removed):
    assert text[safe_cut(text, tokenizer) :] == removed


@given(before=CODE, after=CODE)
def test_no_token_crosses_the_cut_whatever_follows(tokenizer, before, after):
    cut = safe_cut(before, tokenizer)
    assume(before[:cut].strip())  # else the cut may be the bound of 96 characters or the start of the text
    kept = tokenizer.encode(before[:cut])
    assert tokenizer.encode(before + after)[: len(kept)] == kept


def test_a_long_run_is_cut_within_bounds(tokenizer):
    for text in ["x" * 5000, "(" * 5000, " " * 5000, "a\n" + " " * 300, "中" * 500]:
        assert 0 <= len(text) - safe_cut(text, tokenizer) <= 256


def agreeing_by_definition(pieces, required):
    return {
        i
        for i, piece in enumerate(pieces)
        if piece and (piece.startswith(required) or required.startswith(piece))
    }


@given(required=st.one_of(CODE, st.text(max_size=6)).map(str.encode))
def test_agreeing_equals_its_definition(tokenizer, index, required):
    assume(required)
    got = index.agreeing(required)
    assert len(set(got.tolist())) == len(got)
    assert set(got.tolist()) == agreeing_by_definition(tokenizer.pieces, required)
    assert len(got) > 0


@given(
    pieces=st.lists(st.binary(max_size=3), unique=True, max_size=40),
    required=st.binary(min_size=1, max_size=4),
)
def test_agreeing_holds_for_any_bytes(pieces, required):
    got = PieceIndex(pieces, []).agreeing(required)
    assert set(got.tolist()) == agreeing_by_definition(pieces, required)


def test_nothing_required_allows_every_text_and_every_end(tokenizer, index):
    np.testing.assert_array_equal(index.agreeing(b""), np.arange(tokenizer.vocab_size))


def test_an_end_is_not_allowed_while_text_is_required(tokenizer, index):
    assert not set(index.agreeing(b" ret").tolist()) & set(tokenizer.controls.values())
