from __future__ import annotations

import random

import pytest

from training.evaluation.calibration import BINS, calibration


def test_error_and_brier_score_of_a_few_answers() -> None:
    score = calibration([(0.95, True), (0.95, False), (0.15, False), (0.12, True)])
    # Bin 0.9: sure 0.95, right 0.5; bin 0.1: sure 0.135, right 0.5.
    assert score["error"] == pytest.approx((0.45 + 0.365) / 2)
    assert score["brier"] == pytest.approx((0.05**2 + 0.95**2 + 0.15**2 + 0.88**2) / 4)
    assert score["brier_of_rate"] == 0.25
    assert [row["answers"] for row in score["table"]] == [0, 2, 0, 0, 0, 0, 0, 0, 0, 2]
    assert len(score["table"]) == BINS and "right" not in score["table"][0]


def test_what_is_as_sure_as_it_is_right_has_no_error() -> None:
    rng = random.Random(1)
    drawn = [rng.random() for _ in range(20_000)]
    honest = calibration([(p, rng.random() < p) for p in drawn])
    assert honest["error"] < 0.02
    assert honest["brier"] == pytest.approx(1 / 6, abs=0.01)  # the integral of p (1 - p)
    boasting = calibration([(p**0.25, rng.random() < p) for p in drawn])
    assert boasting["error"] == pytest.approx(4 / 5 - 1 / 2, abs=0.02)


def test_certainty_has_a_bin_and_nothing_none() -> None:
    assert calibration([(1.0, True), (0.0, False)])["error"] == 0
    assert calibration([]) == {"answers": 0}
