"""What followed an earlier occurrence, and how far it is believed."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.copying import LENGTHS, Continuation, Copies, CopySource
from inference.occurrences import MAX_LENGTH, MAX_OCCURRENCES
from inference.tokenizer import Tokenizer


@pytest.fixture(scope="module")
def tokenizer(tokenizer_json):
    return Tokenizer(json.loads(tokenizer_json))


def around(tokenizer, prefix, suffix, generated=b""):
    return CopySource(tokenizer).around(prefix, suffix).grown(generated)


def texts(tokenizer, found):
    return {tokenizer.pieces[i].decode(): share for i, share in found.shares.items()}


def test_what_followed_before_and_behind_the_cursor_counts_alike(tokenizer):
    found = around(tokenizer, "1 foo.bar\n2 foo.", "\n3 foo.bat\n4 foo.quux\n").continuation(b"")
    assert found.length == len(" foo.")
    shares = texts(tokenizer, found)
    assert sum(shares.values()) == pytest.approx(1)
    assert sum(share for text, share in shares.items() if text[0] == "b") == pytest.approx(2 / 3)


def test_the_longest_occurrence_decides(tokenizer):
    found = around(tokenizer, "yy = x.a\nzz = x.b\nzz = x.", "").continuation(b"")
    assert list(texts(tokenizer, found)) == ["b"]
    assert found.length == len("\nzz = x.")


def test_the_answer_so_far_is_part_of_the_context(tokenizer):
    found = around(tokenizer, "foo.bar(a)\nfoo.bat[b]\nfoo.", "", b"bat").continuation(b"")
    assert list(texts(tokenizer, found)) == ["["]
    assert found.length == len("\nfoo.bat")


def test_the_token_spells_what_the_prompt_left_out_first(tokenizer):
    (text,) = texts(tokenizer, around(tokenizer, "return x\nretu", "").continuation(b"retu"))
    assert text.startswith("re") and "return".startswith(text[:6])


@pytest.mark.parametrize(
    ("prefix", "suffix"), [("", ""), ("a", ""), ("abc", "xyz"), ("", "abc"), ("\0", "\0")]
)
def test_where_nothing_occurs_before_nothing_is_expected(tokenizer, prefix, suffix):
    assert around(tokenizer, prefix, suffix).continuation(b"") is None


def test_half_a_character_expects_nothing(tokenizer):
    text, character = "# \u4e2d\u6587\n# ", "\u4e2d".encode()
    assert around(tokenizer, text, "", character[:2]).continuation(b"") is None
    assert around(tokenizer, text, "", character).continuation(b"") is not None


def test_an_answer_that_holds_a_nul_is_searched_behind_it(tokenizer):
    assert around(tokenizer, "ab ac a", "", b"b\0").continuation(b"") is None
    found = around(tokenizer, "ab ac a", "", b"b\0a").continuation(b"")
    assert found.length == 1


TEXT = st.text("ab.(\n \u4e2d\U0001f600", max_size=80)


@given(prefix=TEXT, suffix=TEXT, generated=TEXT)
def test_occurrences_are_those_of_a_plain_search(tokenizer, prefix, suffix, generated):
    found = around(tokenizer, prefix, suffix, generated.encode()).continuation(b"")
    whole, data = (prefix + generated).encode(), f"{prefix}\0{suffix}\0".encode()
    best, ends = 0, set()
    for length in range(1, min(len(whole), MAX_LENGTH) + 1):
        places = {
            at + length
            for at in range(len(data) - length)
            if data[at : at + length] == whole[-length:] and data[at + length] != 0
        }
        if not places:
            break
        best, ends = length, places
    characters = {end for end in sorted(ends)[-MAX_OCCURRENCES:] if data[end] & 0xC0 != 0x80}
    assert (found is not None) == bool(characters)
    if found is not None:
        assert found.length == best
        assert sum(found.shares.values()) == pytest.approx(1)
        for token in found.shares:
            piece = tokenizer.pieces[token]
            assert any(data[end:].startswith(piece) for end in ends)


def test_the_mixture_is_one_of_probabilities(tokenizer):
    vocabulary = tokenizer.vocab_size
    logits = np.random.default_rng(0).normal(size=vocabulary).astype(np.float32)
    a, b = tokenizer.encode("a")[0], tokenizer.encode("b")[0]
    weights = [0.0] * 7 + [0.5]
    found = Continuation({a: 0.75, b: 0.25}, LENGTHS[-1])
    chances = np.exp(logits) / np.exp(logits).sum()
    result = np.exp(Copies.of(found, weights, 0, tokenizer.pieces).mixed_into(logits))
    assert result.sum() == pytest.approx(1, abs=1e-5)
    assert result[a] == pytest.approx(0.5 * chances[a] + 0.375, abs=1e-6)
    assert result[b] == pytest.approx(0.5 * chances[b] + 0.125, abs=1e-6)
    short = Continuation({a: 1.0}, LENGTHS[-1] - 1)
    assert Copies.of(short, weights, 0, tokenizer.pieces) is None


def test_whether_a_line_end_ends_the_answer_is_the_models_to_say(tokenizer):
    line_end, end = tokenizer.encode("\n")[0], 0
    found = Continuation({line_end: 1.0}, LENGTHS[-1])
    for ratio in (0.1, 10.0):
        logits = np.zeros(tokenizer.vocab_size, dtype=np.float32)
        logits[end] = np.log(ratio)
        result = np.exp(Copies.of(found, [0.9] * 8, end, tokenizer.pieces).mixed_into(logits))
        assert result[end] / result[line_end] == pytest.approx(ratio, rel=1e-3)
        assert result[end] + result[line_end] > 0.9
