"""The native choice is numpy's: equal tokens and log-probabilities, on every instruction set."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference import sampler
from inference.copying import Copies
from inference.model import ModelError
from inference.sampler import NONE, Sampler
from kernels.cpu import available, native

pytestmark = pytest.mark.skipif(not available(), reason="the native modules were not built")


@pytest.fixture(params=available())
def drawn(request, monkeypatch):
    """Draws twice: natively and by numpy."""

    def draw(*arguments, **named):
        monkeypatch.setattr(sampler, "_native", lambda: native(request.param).choose)
        natively = Sampler().draw(*arguments, **named)
        monkeypatch.setattr(sampler, "_native", lambda: None)
        return natively, Sampler().draw(*arguments, **named)

    return draw


def same(logits, natively, by_numpy):
    """Log-probabilities to 1e-5; tokens too, but where two are as likely to that."""
    assert len(natively) == len(by_numpy)
    for (token, logprob), (other, expected) in zip(natively, by_numpy, strict=True):
        assert logprob == pytest.approx(expected, abs=1e-5)
        assert token == other or any(abs(logprob - p) < 2e-5 for t, p in by_numpy if t != token)


@given(st.data())
def test_the_choice_is_numpys(data):
    size = data.draw(st.integers(1, 300), "vocabulary")
    rng = np.random.default_rng(data.draw(st.integers(0, 1 << 20), "seed"))
    logits = (rng.normal(size=size) * data.draw(st.sampled_from([0.1, 3, 40]))).astype(np.float32)
    logits[rng.random(size) < data.draw(st.sampled_from([0, 0.3]))] = -np.inf
    logits[rng.integers(size)] = 5.0
    count = data.draw(st.integers(1, 6))
    shuffled = rng.permutation(size)
    some = np.flatnonzero(logits > -np.inf)[:1]
    allowed = None
    forbidden = NONE
    if data.draw(st.booleans(), "a few allowed"):
        allowed = np.union1d(shuffled[: rng.integers(1, size + 1)], some)
    elif data.draw(st.booleans(), "some forbidden"):
        forbidden = np.setdiff1d(shuffled[: rng.integers(size)], some)
    copies = None
    if data.draw(st.booleans(), "copies"):
        tokens = shuffled[: rng.integers(1, min(size, 16) + 1)]
        shares = rng.random(len(tokens)) + 0.01
        end = int(some[0])  # which begins with no line end
        possible = (tokens != end) & (logits[tokens] > -np.inf)
        line_ends = [bool(one) for one in possible & (rng.random(len(tokens)) < 0.5)]
        copies = Copies(
            tuple(map(int, tokens)), tuple((shares / shares.sum()).tolist()), tuple(line_ends),
            float(rng.choice([1e-3, 0.3, 0.98])), end,
        )  # fmt: skip
    by_numpy = Sampler()._by_numpy(logits, allowed, count, forbidden, copies)
    for name in available():
        choose = native(name).choose
        rest = (copies.tokens, copies.shares, copies.line_ends, copies.weight, copies.end) if copies else ()
        same(logits, choose(logits, allowed, forbidden, count, *rest), by_numpy)


def test_a_large_vocabulary_loses_nothing(drawn):
    logits = np.random.default_rng(0).normal(size=151_936).astype(np.float32)
    natively, by_numpy = drawn(logits, None, 8)
    assert [token for token, _ in natively] == [token for token, _ in by_numpy]
    assert [p for _, p in natively] == pytest.approx([p for _, p in by_numpy], abs=1e-6)


@pytest.mark.parametrize("allowed", [None, np.arange(40)])
def test_of_equals_the_first_comes_first(drawn, allowed):
    natively, by_numpy = drawn(np.zeros(40, dtype=np.float32), allowed, 40)
    assert [token for token, _ in natively] == [token for token, _ in by_numpy] == list(range(40))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("where", [0, 16, 37])
@pytest.mark.parametrize("allowed", [None, np.array([1])])
def test_broken_logits_are_the_same_error(drawn, bad, where, allowed):
    logits = np.zeros(38, dtype=np.float32)
    logits[where] = bad
    with pytest.raises(ModelError, match="not finite"):
        drawn(logits, allowed)


@pytest.mark.parametrize("allowed", [None, np.array([1])])
def test_nothing_possible_is_the_same_error(drawn, allowed):
    with pytest.raises(ModelError, match="not finite"):
        drawn(np.full(38, -np.inf, dtype=np.float32), allowed)
    logits = np.zeros(3, dtype=np.float32)
    with pytest.raises(ModelError, match="no token of the vocabulary"):
        drawn(logits, np.empty(0, dtype=np.int64))
    with pytest.raises(ModelError, match="no token of the vocabulary"):
        drawn(logits, None, forbidden=np.arange(3))


def test_the_native_function_checks_what_it_is_given():
    choose, logits = native().choose, np.zeros(8, dtype=np.float32)
    for wrong in (np.array([8]), np.array([-1])):
        with pytest.raises(IndexError):
            choose(logits, wrong, NONE, 1)
        with pytest.raises(IndexError):
            choose(logits, None, wrong, 1)
    with pytest.raises(IndexError):
        choose(logits, None, NONE, 1, [8], [1.0], [False], 0.5, 0)
    with pytest.raises(IndexError):
        choose(logits, None, NONE, 1, [1], [1.0], [True], 0.5, 8)
    with pytest.raises(ValueError, match="share"):
        choose(logits, None, NONE, 1, [1], [], [True], 0.5, 0)
    with pytest.raises(ValueError, match="weight"):
        choose(logits, None, NONE, 1, [1], [1.0], [True], 1.0, 0)
