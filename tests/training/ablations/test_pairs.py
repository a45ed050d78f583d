from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from training.ablations.pairs import LENGTH, Pairs, exchanged, make_pairs, wrong_middle
from training.ablations.rows import Drawn, draw, tokenizer_of
from training.ablations.setting import Setting
from training.documents import Document
from training.examples import Example
from training.tokenizer import END_OF_TEXT


def test_an_identifier_is_exchanged_for_another_in_sight() -> None:
    rng = random.Random(1)
    found = {exchanged(rng, "width * 2 if ok else 0", "def area(width):\n    return ") for _ in range(40)}
    assert found == {
        "area * 2 if ok else 0", "width * 2 if area else 0", "width * 2 if width else 0",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("middle", "before"), [("1 + 2", "x1 = width"), ("return None", "if not True"), ("width", "width = ")]
)
def test_nothing_to_exchange(middle: str, before: str) -> None:
    assert exchanged(random.Random(1), middle, before) is None


def test_else_it_is_another_middle_of_the_document() -> None:
    document = Document("1 + 2\n3 + 4\n")
    first = Drawn(Example([1], [3], "full line", 0, 5), document)
    second = Drawn(Example([1], [3], "full line", 6, 11), document)
    assert wrong_middle(random.Random(1), first, [first, second]) == "3 + 4"
    assert wrong_middle(random.Random(1), first, [first]) is None


def test_a_pair_differs_in_its_middle_alone(make_setting: Callable[..., Setting], tmp_path: Path) -> None:
    setting = make_setting()
    tokenizer = tokenizer_of(setting)
    made = make_pairs(draw(setting, 1), tokenizer, 1, 20)
    assert made.ids.shape == made.middle.shape == (20, 2, LENGTH + 1)
    for ids, middle in zip(made.ids, made.middle, strict=True):
        starts = middle.argmax(1)
        assert starts[0] == starts[1] > 0
        assert ids[0, : starts[0]].tolist() == ids[1, : starts[1]].tolist(), "one prompt"
        texts = []
        for side in (0, 1):
            *tokens, last = ids[side][middle[side]].tolist()
            assert last == END_OF_TEXT and tokens
            assert not middle[side, starts[side] + len(tokens) + 1 :].any()
            texts.append(tokenizer.decode(tokens))
        assert texts[0] != texts[1]
    made.save(tmp_path)
    again = Pairs.load(tmp_path)
    assert np.array_equal(again.ids, made.ids) and np.array_equal(again.middle, made.middle)
    assert again.share == made.middle[..., 1:].mean()


def test_batches_go_round() -> None:
    ids = np.arange(3, dtype=np.uint16)[:, None, None] * np.ones((1, 2, LENGTH + 1), np.uint16)
    pairs = Pairs(ids, np.ones_like(ids, dtype=np.bool_))
    assert pairs.batch(0, 2)[0][:, 0].tolist() == [0, 0, 1, 1]
    assert pairs.batch(1, 2)[0][:, 0].tolist() == [2, 2, 0, 0]
