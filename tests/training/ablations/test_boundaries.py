from __future__ import annotations

import numpy as np
import pytest
from tokenizers import Tokenizer

from training.ablations.boundaries import RATIO, boundary_tokens, heavier
from training.row_format import END_WEIGHT, MIDDLE_WEIGHT


def test_a_line_end_or_a_bracket_anywhere_in_a_token_makes_it_a_boundary(tokenizer_json: str) -> None:
    tokenizer = Tokenizer.from_str(tokenizer_json)
    found = boundary_tokens(tokenizer)
    assert found.shape == (tokenizer.get_vocab_size(),)
    for text, expected in (
        ("\n    ", True),
        ("(", True),
        ("}", True),
        ("a", False),
        (" ", False),
        ('"', False),
    ):
        (token,) = tokenizer.encode(text).ids
        assert found[token] == expected, text
    (merged,) = {text for text in tokenizer.get_vocab() if text == "(self,"} or {"("}
    assert found[tokenizer.token_to_id(merged)]


def test_weight_moves_to_the_boundaries_of_middles_and_nowhere_else() -> None:
    boundary = np.array([False, True])
    ids = np.array([[1, 0, 1, 0, 0, 0, 1]], np.uint16)
    weights = np.array([[1, 1, *[MIDDLE_WEIGHT] * 4, END_WEIGHT]], np.uint8)
    found = heavier(ids, weights, boundary)[0]
    assert found[[0, 1, 6]].tolist() == [1, 1, END_WEIGHT]
    assert found[2] == pytest.approx(RATIO * found[3])
    assert found[3] == found[4] == found[5]
    assert found.sum() == pytest.approx(weights.sum())


def test_rows_without_middles_keep_their_weights() -> None:
    weights = np.array([[0, 1, END_WEIGHT]], np.uint8)
    assert heavier(np.ones((1, 3), np.uint16), weights, np.array([True, True])).tolist() == weights.tolist()
