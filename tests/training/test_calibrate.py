"""From an evaluation's answers into a card."""

import json
import sys

import pytest

from inference.card import Card
from training import calibrate

CARD = {"name": "m", "format": "qwen", "prefix_tokens": 64, "suffix_tokens": 0, "max_new_tokens": 8}


def row(probability, right, model="x"):
    return {"model": model, "truth": model if right else "y", "probability": probability}


SCORES = {
    "model": "m",
    "seed": 1,
    "rest of line": {"rows": [row(0.2, False), row(0.9, True), row(0.8, True, model="")]},
    "languages": {"go": {"full line": {"rows": [row(0.3, False)]}}, "note": "none"},
    "humaneval": {"rows": [{"passed": True}]},
}


def run(tmp_path, monkeypatch, scores=SCORES):
    (tmp_path / "scores.json").write_text(json.dumps(scores))
    (tmp_path / "card.json").write_text(json.dumps(CARD))
    options = ["--scores", str(tmp_path / "scores.json"), "--model", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", ["training.calibrate", *options])
    return calibrate.main()


def test_every_answer_counts_and_the_card_can_be_read(tmp_path, monkeypatch):
    assert sorted(calibrate.answers_in(SCORES)) == [(0.2, False), (0.3, False), (0.9, True)]
    assert run(tmp_path, monkeypatch) == 0
    card = Card.from_file(tmp_path / "card.json")
    assert card.calibration == ((0.25, 0.0), (0.9, 1.0))
    assert card.name == "m"


@pytest.mark.parametrize(
    ("scores", "cause"),
    [
        ({**SCORES, "model": "other"}, "of the model 'other', not 'm'"),
        ({"model": "m"}, "no answers with a probability"),
    ],
)
def test_what_does_not_fit_is_refused(tmp_path, monkeypatch, capsys, scores, cause):
    assert run(tmp_path, monkeypatch, scores) == 1
    assert cause in capsys.readouterr().err
    assert json.loads((tmp_path / "card.json").read_text()) == CARD


def test_points_that_round_to_one_are_one():
    answers = [(0.50001, False)] * 50 + [(0.50002, True)] * 50
    assert calibrate.points(answers) == [[0.5, 0.0]]
