"""Where prompts are cut back, and which tokens may follow."""

import json
import re

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from inference.healing import PieceIndex, is_indented, token_cut, word_cut
from inference.tokenizer import Tokenizer

CODE = st.text("ab_ \n\t().,:=é中0", max_size=60)


@pytest.fixture(scope="module")
def tokenizer(tokenizer_json):
    return Tokenizer(json.loads(tokenizer_json))


@pytest.fixture(scope="module")
def qwen_tokenizer(qwen_tokenizer_json):
    return Tokenizer(json.loads(qwen_tokenizer_json))


@pytest.fixture(scope="module")
def index(tokenizer):
    return PieceIndex(tokenizer, frozenset(tokenizer.controls.values()))


# Text: what the word cut removes, what the token cut removes with Qwen's pre-tokenizer.
CUTS = {
    "": ("", ""),
    "ret": ("ret", "ret"),
    "    ret": ("    ret", "    ret"),
    "x = foo": (" foo", " foo"),
    "x = ": (" ", " "),
    "x =": ("", " ="),
    "foo(": ("", "("),  # it may become `(self`
    "foo(ba": ("ba", "(ba"),
    "a.b": ("b", ".b"),
    "x = 1\n    ": ("\n    ", "\n    "),
    "x = 1\n": ("\n", "\n"),
    "def f():\n    ": ("\n    ", "():\n    "),  # `():⏎` is one pre-token
    "def f():\n    re": ("\n    re", "():\n    re"),
    "'": ("", "'"),
    "# 中": (" 中", " 中"),
}


@pytest.mark.parametrize("text", CUTS, ids=repr)
def test_cuts(qwen_tokenizer, text):
    assert (text[word_cut(text) :], text[token_cut(text, qwen_tokenizer) :]) == CUTS[text]


@given(before=CODE, after=CODE)
def test_no_token_crosses_the_token_cut_whatever_follows(qwen_tokenizer, before, after):
    cut = token_cut(before, qwen_tokenizer)
    assume(len(before) - cut < 90)
    kept = qwen_tokenizer.encode(before[:cut])
    assert qwen_tokenizer.encode(before + after)[: len(kept)] == kept


@pytest.mark.parametrize("text", ["x" * 5000, "(" * 5000, " " * 5000, "a\n" + " " * 300, "中" * 500])
def test_a_long_run_is_cut_within_bounds(qwen_tokenizer, text):
    assert len(text) - word_cut(text) <= 256
    assert len(text) - token_cut(text, qwen_tokenizer) <= 256


INDENTED = {
    "x = 1\n    ": True,
    "x = 1\n\n\t": True,
    "    ": True,
    "def f():\n    ": True,
    "    foo(\n        ": True,
    "    def f():\n    ": False,  # the body is yet to be indented
    "  if x {\n\n  ": False,
    "x = 1\n": False,
    "x = 1\n    y": False,
    "x = ": False,
    "": False,
}


@pytest.mark.parametrize("text", INDENTED, ids=repr)
def test_where_a_line_has_its_indentation(text):
    assert is_indented(text) == INDENTED[text]


def test_an_indented_line_gets_no_deeper(tokenizer, index):
    free = spelled(tokenizer, index.agreeing(b"\n    "))
    held = spelled(tokenizer, index.agreeing(b"\n    ", True))
    assert held < free and "\n    " in held
    assert {piece[len("\n    ")] for piece in free - held} == {" "}
    assert spelled(tokenizer, index.agreeing(b" ret", True)) == spelled(tokenizer, index.agreeing(b" ret"))


def spelled(tokenizer, ids):
    return {tokenizer.pieces[i].decode("utf-8", "replace") for i in ids}


def test_a_word_may_go_on_but_not_fall_apart(tokenizer, index):
    allowed = spelled(tokenizer, index.agreeing(b"retu"))
    assert "return" in allowed
    assert all(piece.startswith("retu") or "retu".startswith(piece) for piece in allowed)
    beginnings = {piece.decode() for piece in tokenizer.pieces if piece and b"retu".startswith(piece)}
    assert {"r", "re"} <= beginnings
    assert "r" not in allowed


def test_indentation_does_not_follow_a_blank_line(tokenizer, index):
    allowed = spelled(tokenizer, index.agreeing(b"\n    "))
    assert {"\n    ", "\n        "} <= allowed
    assert "\n" not in allowed


@given(required=st.one_of(CODE, st.text(max_size=6)))
def test_what_the_tokenizer_would_choose_is_always_allowed(tokenizer, index, required):
    """Of `required` alone, and of `required` and the beginning of more."""
    assume(required)
    allowed = set(index.agreeing(required.encode()).tolist())
    for after in ("", "a", "s", " ", "(", "."):
        first = tokenizer.encode(required + after)[0]
        assert first in allowed


@given(required=st.one_of(CODE, st.text(max_size=6)).map(str.encode), start=st.integers(0, 8))
def test_every_allowed_token_agrees_and_some_always_does(tokenizer, index, required, start):
    """Also from the middle of a character, where a token before may have ended."""
    required = required[start:]
    assume(required)
    ids = index.agreeing(required).tolist()
    assert len(set(ids)) == len(ids) > 0
    for i in ids:
        piece = tokenizer.pieces[i]
        assert piece.startswith(required) or required.startswith(piece)
    longer = {i for i, piece in enumerate(tokenizer.pieces) if piece.startswith(required)}
    assert longer <= set(ids)


def test_nothing_required_allows_every_text_and_every_end(tokenizer, index):
    np.testing.assert_array_equal(index.agreeing(b""), np.arange(tokenizer.vocab_size))


def test_an_end_is_not_allowed_while_text_is_required(tokenizer_json):
    tokenizer = Tokenizer(json.loads(tokenizer_json))
    word = tokenizer.encode(" return")[0]
    index = PieceIndex(tokenizer, frozenset({word, *tokenizer.controls.values()}))
    assert word not in index.agreeing(b" ret")
    assert word in index.agreeing(b"")
    assert index.pieces[word] == b""


WORDS = st.sampled_from(["a", "é", "_", "9", "a" * 46, "字", " ", "\t", "\n", "\r", ".", "\u2028", "\u0301"])


@given(st.lists(WORDS, max_size=20).map("".join))
def test_the_word_cut_is_that_of_an_expression(text):
    match = re.search(r"(?:\n[ \t]*|[ \t]+)?\w{0,48}\Z", text[-256:])
    assert word_cut(text) == max(0, len(text) - 256) + match.start()
