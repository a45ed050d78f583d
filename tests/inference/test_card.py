"""card.json: what is taken, and what is refused with the field's name."""

import json

import pytest

from inference.card import Card
from inference.model import ModelError

GOOD = {"name": "m", "format": "qwen", "prefix_tokens": 64, "suffix_tokens": 0, "max_new_tokens": 8}


def read(tmp_path, data):
    path = tmp_path / "card.json"
    path.write_text(data if isinstance(data, str) else json.dumps(data))
    return Card.from_file(path)


def test_a_card_is_read_whole(tmp_path):
    weights = [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7]
    data = {**GOOD, "stop_ids": [0, 4], "snippet_tokens": 7, "copy_weights": weights}
    data["calibration"] = [[0, 0], [0.5, 0.7], [1, 1]]
    assert read(tmp_path, data) == Card(
        "m", "qwen", 64, 0, 8, stop_ids=(0, 4), snippet_tokens=7, copy_weights=tuple(weights),
        calibration=((0, 0), (0.5, 0.7), (1, 1)),
    )  # fmt: skip


def test_further_stop_ids_join_in(tmp_path):
    assert read(tmp_path, {**GOOD, "stop_ids": [4]}).with_stop_ids((0, 4)).stop_ids == (0, 4)


BAD = [
    ({**GOOD, "format": "chatml"}, "format must be one of midfill-spm, qwen"),
    ({**GOOD, "prefix_tokens": 3}, "prefix_tokens must be an integer from 16"),
    ({**GOOD, "prefix_tokens": True}, "prefix_tokens"),
    ({**GOOD, "suffix_tokens": -1}, "suffix_tokens"),
    ({**GOOD, "max_new_tokens": "9"}, "max_new_tokens"),
    ({**GOOD, "max_new_tokens": 1 << 30}, "max_new_tokens"),
    ({**GOOD, "stop_ids": [-1]}, "stop_ids"),
    ({**GOOD, "stop_ids": 5}, "stop_ids must be a list"),
    ({**GOOD, "name": ""}, "name"),
    ({**GOOD, "stop_ids": [0], "copy_weights": [0.5]}, "copy_weights must be 8 numbers or none"),
    ({**GOOD, "stop_ids": [0], "copy_weights": [1] * 8}, "copy_weights must be from 0 to below 1"),
    ({**GOOD, "stop_ids": [0], "copy_weights": ["0"] * 8}, "copy_weights must be from 0 to below 1"),
    ({**GOOD, "stop_ids": [0], "copy_weights": 0.5}, "copy_weights must be a list"),
    ({**GOOD, "copy_weights": [0.5] * 8}, "copy_weights need stop_ids"),
    ({**GOOD, "calibration": {}}, "calibration must be a list"),
    ({**GOOD, "calibration": [0.5]}, "calibration must be at most 64 pairs"),
    ({**GOOD, "calibration": [[0, 0, 0]]}, "calibration must be at most 64 pairs"),
    ({**GOOD, "calibration": [[i / 99, 0] for i in range(65)]}, "calibration must be at most 64 pairs"),
    ({**GOOD, "calibration": [[0, 2]]}, "calibration must be of numbers from 0 to 1"),
    ({**GOOD, "calibration": [["0", 0]]}, "calibration must be of numbers from 0 to 1"),
    ({**GOOD, "calibration": [[0, 0.5], [1, 0.4]]}, "calibration must rise"),
    ({**GOOD, "calibration": [[0.5, 0.5], [0.5, 0.6]]}, "calibration must rise"),
    ({**GOOD, "prefix": 1}, "unknown field 'prefix'"),
    ({"name": "m", "format": "qwen"}, "max_new_tokens, prefix_tokens, suffix_tokens missing"),
    ("{", "not JSON"),
    ("[1]", "expected a JSON object"),
    ("[" * 100_000, "not JSON"),
    (json.dumps({**GOOD, "name": "x" * (1 << 20)}), "larger than 1048576 bytes"),
]


@pytest.mark.parametrize(("data", "cause"), BAD, ids=[cause for _, cause in BAD])
def test_what_is_wrong_is_named(tmp_path, data, cause):
    with pytest.raises(ModelError, match=cause) as caught:
        read(tmp_path, data)
    assert "card.json" in str(caught.value)


def test_a_missing_card_is_named(tmp_path):
    with pytest.raises(ModelError, match=r"card\.json: No such file"):
        Card.from_file(tmp_path / "card.json")
