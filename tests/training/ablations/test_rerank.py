from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from inference.prompt import PromptText
from training.ablations.rerank import CANDIDATES, CLAIM, Counted
from training.ablations.setting import Setting
from training.evaluation.completer import Answer


class Told:
    def line(self, text: PromptText, *, temperature: float = 0.0, seed: int = 0) -> Answer:
        told = f"{text.prefix}{text.suffix}{text.language}{text.path}{temperature}{seed}"
        return Answer(told, "stop", 5, 0.0, read=20)


def test_answers_are_counted_and_passed_on() -> None:
    counted = Counted(Told())
    assert counted.line(PromptText("a", "b", "d", "c"), temperature=0.5, seed=3).text == "abcd0.53"
    counted.line(PromptText("a", "b"))
    assert (counted.asked, counted.tokens) == (2, 50)


def test_more_candidates_are_asked_for_and_paid(
    make_setting: Callable[..., Setting], tiny_model_dir: Path
) -> None:
    threads = torch.get_num_threads()
    setting = make_setting(begin_with=tiny_model_dir, cursors=3)
    greedy, gated = (arm.finish(setting, 1) for arm in (CLAIM.control, CLAIM.treatment))
    assert greedy.notes["asked"] == 1
    assert 1 < gated.notes["asked"] <= CANDIDATES  # random weights hardly write what compiles
    assert gated.flops > greedy.flops > 0
    assert greedy.middle is None and greedy.humaneval is None
    assert 0 <= greedy.similarity <= 1
    assert torch.get_num_threads() == threads


def test_seeds_draw_other_cursors(make_setting: Callable[..., Setting]) -> None:
    from training.ablations.scores import cursors, rest_of_line

    first, second = (cursors(make_setting(cursors=4), seed) for seed in (1, 2))
    assert first != second
    exact, similarity = rest_of_line(lambda cursor: cursor.truth + "  ", first)
    assert (exact, similarity) == (1, 1)
    assert rest_of_line(lambda cursor: first[0].truth if cursor is first[0] else "", first)[
        0
    ] == pytest.approx(0.25)
