"""A curve that only rises, through shares of right answers."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.evaluation.isotonic import isotonic

ANSWERS = st.lists(st.tuples(st.floats(0, 1, allow_subnormal=False), st.booleans()), max_size=200)


def test_neighbours_that_fall_are_pooled():
    answers = [(0.1, False), (0.2, True), (0.3, False), (0.6, True)]
    assert isotonic(answers) == [(0.1, 0.0), (pytest.approx(0.25), 0.5), (0.6, 1.0)]


def test_groups_are_of_nearly_equal_size():
    answers = [(i / 1000, i % 10 < i // 100) for i in range(1000)]
    found = isotonic(answers, bins=10)
    assert found == [(pytest.approx(0.0495 + i / 10), i / 10) for i in range(10)]


def test_without_answers_there_is_nothing():
    assert isotonic([]) == []


@given(ANSWERS, st.integers(1, 50))
def test_it_rises_and_keeps_the_mean(answers, bins):
    found = isotonic(answers, bins)
    assert len(found) <= bins
    for (low, less), (high, more) in pairwise(found):
        assert low <= high
        assert less < more
    assert all(0 <= share <= 1 for _, share in found)


@given(st.lists(st.booleans(), min_size=1, max_size=12))
def test_it_is_the_nearest_curve_that_rises(outcomes):
    """By the other formula for it: the greatest of the means from before, of the least of those to behind."""
    count = len(outcomes)

    def mean(first, last):
        return sum(outcomes[first : last + 1]) / (last + 1 - first)

    nearest = [max(min(mean(a, b) for b in range(i, count)) for a in range(i + 1)) for i in range(count)]
    found = isotonic([(i / count, right) for i, right in enumerate(outcomes)], bins=count)
    assert [share for _, share in found] == pytest.approx(sorted(set(nearest)))
