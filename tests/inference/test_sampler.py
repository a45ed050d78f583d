"""Greedy and sampled choice, against probabilities worked out by hand."""

import math
from collections import Counter

import numpy as np
import pytest

from inference.model import ModelError
from inference.sampler import Sampler

# Probabilities 0.1, 0.5, 0.3, 0.1 at temperature 1.
LOGITS = np.log(np.array([0.1, 0.5, 0.3, 0.1], dtype=np.float32))
ALL = np.arange(4)


def counts(sampler, allowed=ALL, n=4000):
    return Counter(sampler.draw(LOGITS, allowed)[0][0] for _ in range(n))


def test_greedy_takes_the_likeliest_of_the_allowed():
    assert Sampler().draw(LOGITS, ALL) == [(1, pytest.approx(math.log(0.5)))]
    assert Sampler().draw(LOGITS, np.array([0, 2])) == [(2, pytest.approx(math.log(0.75)))]


def test_nothing_allowed_is_an_error():
    with pytest.raises(ModelError, match="no token of the vocabulary"):
        Sampler().draw(LOGITS, np.array([], dtype=np.int64))


def test_temperature_one_draws_in_proportion():
    got = counts(Sampler(temperature=1.0))
    for token, probability in enumerate([0.1, 0.5, 0.3, 0.1]):
        # Five standard deviations of a binomial; the seed is fixed besides.
        assert got[token] == pytest.approx(4000 * probability, abs=5 * math.sqrt(4000 * probability))


def test_a_low_temperature_sharpens():
    assert counts(Sampler(temperature=0.05))[1] > 3900


def test_top_p_keeps_the_token_that_crosses_it():
    assert set(counts(Sampler(temperature=1.0, top_p=0.5))) == {1}
    assert set(counts(Sampler(temperature=1.0, top_p=0.51))) == {1, 2}
    assert set(counts(Sampler(temperature=1.0, top_p=0.0))) == {1}
    assert set(counts(Sampler(temperature=1.0, top_p=1.0))) == {0, 1, 2, 3}


def test_the_nucleus_is_of_the_allowed():
    assert set(counts(Sampler(temperature=1.0, top_p=0.7), np.array([0, 2]))) == {2}


def test_the_log_probability_is_that_at_temperature_one():
    [(token, logprob)] = Sampler(temperature=3.0, top_p=0.9, seed=5).draw(LOGITS, ALL)
    assert logprob == pytest.approx(float(LOGITS[token]))


def test_seeds_repeat_and_differ():
    def draws(seed):
        sampler = Sampler(temperature=1.0, seed=seed)
        return [sampler.draw(LOGITS, ALL)[0][0] for _ in range(50)]

    assert draws(7) == draws(7)
    assert draws(7) != draws(8)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_logits_that_are_not_finite_are_an_error(bad, temperature):
    logits = LOGITS.copy()
    logits[2] = bad
    with pytest.raises(ModelError, match="not finite"):
        Sampler(temperature).draw(logits, ALL)


def test_minus_infinity_is_never_drawn():
    logits = LOGITS.copy()
    logits[1] = -math.inf
    sampler = Sampler(temperature=1.0)
    assert 1 not in {sampler.draw(logits, ALL)[0][0] for _ in range(200)}
