"""Shares of what was counted, and their errors."""

import pytest

from benchmarks.replaying.tally import Share, Tally, ratio, shares


def test_a_share_is_of_all_files_together() -> None:
    files = [Tally(requests=10, shown=1), Tally(requests=30, shown=19)]
    assert shares(files)["shown"].value == pytest.approx(0.5)


def test_files_that_are_alike_leave_no_doubt() -> None:
    alike = [Tally(requests=10, shown=4, characters=8, saved=2) for _ in range(5)]
    found = shares(alike)
    assert (found["shown"].value, found["saved"].value) == (0.4, 0.25)
    assert max(found["shown"].error, found["saved"].error) < 1e-12


def test_the_error_is_that_of_a_mean_where_files_are_of_one_size() -> None:
    """Of 50 files half have all and half nothing: sqrt(0.25 / 50)."""
    files = [Tally(requests=1, shown=number % 2) for number in range(50)]
    assert shares(files)["shown"].error == pytest.approx(0.0707, rel=0.1)
    assert shares(files, seed=1) == shares(files, seed=1)


def test_nothing_is_a_share_of_nothing() -> None:
    assert set(shares([]).values()) == {Share(0.0, 0.0)}
    assert shares([Tally()])["saved"] == Share(0.0, 0.0)


def test_a_ratio_is_drawn_with_the_same_files_on_both_sides() -> None:
    ours = [Tally(characters=10, saved=4), Tally(characters=10, saved=8)]
    theirs = [Tally(characters=10, saved=2), Tally(characters=10, saved=4)]
    twice = ratio(ours, theirs, "saved")
    assert twice.value == pytest.approx(2.0)
    assert twice.error < 1e-12
    assert ratio(ours, [Tally(characters=10)] * 2, "saved").value == 0.0


def test_tallies_add_up() -> None:
    total = Tally.of([Tally(requests=1, misread=2), Tally(requests=3)])
    assert total == Tally(requests=4, misread=2)
