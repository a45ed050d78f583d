from __future__ import annotations

import json
import random
import shutil
from pathlib import Path

import pytest

from inference.card import Card
from inference.copying import LENGTHS
from training.copy_weights import MIN_STEPS, Step, fit, main, nats


def seen(place: int, right: float, count: int) -> list[Step]:
    """Copies that name the right token `right` of the time, beside a model that is half sure of it."""
    rng = random.Random(place)
    return [Step(place, 0.5, float(rng.random() < right)) for _ in range(count)]


def test_the_weight_is_what_makes_the_truth_likeliest() -> None:
    """For copies right with probability r and a model at 1/2, the optimum is 2r - 1."""
    data = seen(2, 0.9, 4000) + seen(5, 0.7, 4000) + seen(6, 0.3, 4000)
    weights = fit(data)
    assert weights[2] == pytest.approx(0.8, abs=0.03)
    assert weights[5] == pytest.approx(0.4, abs=0.03)
    assert weights[6] == 0
    assert [weights[place] for place in (0, 1, 3, 4, 7)] == [0] * 5
    assert nats(data, weights) < nats(data, [0.0] * len(LENGTHS))


def test_a_few_tokens_prove_nothing() -> None:
    assert fit(seen(3, 1.0, MIN_STEPS - 1))[3] == 0
    assert 0.9 < fit(seen(3, 1.0, MIN_STEPS))[3] < 1


def test_the_card_gets_weights_that_it_takes(
    tiny_model_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = tmp_path / "model"
    shutil.copytree(tiny_model_dir, model)
    text = "".join(f"def area_{i}(width, height):\n    return width * height + {i}\n\n\n" for i in range(30))
    record = {"source": "a", "path": "a.py", "text": text}
    (tmp_path / "heldout.jsonl").write_text(json.dumps(record) + "\n")
    before = json.loads((model / "card.json").read_text())
    monkeypatch.setattr(
        "sys.argv", ["copy_weights", "--model", str(model), "--corpus", str(tmp_path), "--cursors", "15"]
    )
    assert main() == 0
    card = Card.from_file(model / "card.json")
    assert max(card.copy_weights) > 0.5, "a random model beside a file that repeats itself"
    after = json.loads((model / "card.json").read_text())
    assert {**before, "copy_weights": list(card.copy_weights)} == after
