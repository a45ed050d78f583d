from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from training.ablations import execution
from training.ablations.execution import CLAIM
from training.ablations.gaps import Gap
from training.ablations.setting import Setting
from training.evaluation.completer import Answer


def test_both_arms_go_on_from_weights_at_equal_compute(
    make_setting: Callable[..., Setting], make_model_dir: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The model's answers are told, as random weights write nothing that compiles."""
    asked: list[str] = []

    def told(samples: execution.Samples, gap: Gap, *_: object) -> None:
        answer = Answer(gap.truth, "stop", 4, 0.0, read=20)
        asked.append(gap.path)
        samples.gaps, samples.asked = samples.gaps + 1, samples.asked + 1
        samples.read, samples.written = samples.read + answer.read, samples.written + answer.tokens
        samples.kept.append(([4, 77, 78, 0], [0, 3, 3, 4]))

    monkeypatch.setattr("training.ablations.sampling.sample", told)
    directory = make_model_dir(
        max_position_embeddings=1024, hidden_size=32, num_attention_heads=2, num_key_value_heads=1
    )
    setting = make_setting(begin_with=directory, tokens=12 * 1024, cursors=1, held_out_tokens=1600)
    control, treatment = (arm.finish(setting, 1) for arm in (CLAIM.control, CLAIM.treatment))
    assert asked and asked[0].startswith("double"), "files with doctests first"
    assert treatment.tokens <= control.tokens
    assert treatment.flops <= control.flops * (1 + 1e-9)
    assert treatment.notes["kept"] == len(asked) == 3
    ids = np.load(CLAIM.treatment.folder(setting, 1) / "data" / "train_ids.npy")
    assert (ids == 77).sum() >= 1, "what was kept is trained on"
    assert control.middle is not None and control.middle != treatment.middle
