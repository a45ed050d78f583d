from __future__ import annotations

from typing import Any

import pytest

from training.cursors import Cursor
from training.evaluation.lines import lines


class Floor:
    def line(self, prefix: str, suffix: str) -> str:
        return "b)  "


def test_model_and_floors_side_by_side(told: Any) -> None:
    cursors = [Cursor("s", "p", f"f(a{i})\ng(a{i}", "\n", truth) for i, truth in enumerate((")", "b)", "x"))]
    answers = {"f(a0)\ng(a0": ")  ", "f(a1)\ng(a1": "b(", "f(a2)\ng(a2": ""}
    completer = told(lambda prefix, suffix, seed: answers[prefix], confidence=0.75)
    score = lines(completer, Floor(), cursors, "rest of line")
    assert [row["model"] for row in score["rows"]] == [")", "b(", ""]
    assert score["exact"] == score["copy_exact"] == score["ngram_exact"] == pytest.approx(1 / 3)
    assert score["either_exact"] == pytest.approx(1 / 3)
    assert score["similarity"] == pytest.approx((1 + 0.5 + 0) / 3)
    assert score["ngram_similarity"] == pytest.approx((0.5 + 1 + 0) / 3)
    # The empty answer is not shown, and says nothing of how sure the model is.
    assert score["calibration"]["answers"] == 2
    assert score["calibration"]["error"] == pytest.approx(0.25)
    assert score["calibration_of_whole"]["probability"] == pytest.approx(0.75**2)
