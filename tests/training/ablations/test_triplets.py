from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from training.ablations.ordinary import ORDINARY, ordinary_rows
from training.ablations.pairs import make_pairs
from training.ablations.recipes import from_scratch
from training.ablations.rows import draw, prepared, tokenizer_of, write_rows
from training.ablations.setting import Setting
from training.ablations.triplets import CLAIM, PAIRS_PER_STEP, WEIGHT, TripletRun, sequence_logprobs
from training.train import Run


@pytest.fixture
def data(make_setting: Callable[..., Setting]) -> tuple[Setting, Path]:
    setting = make_setting()

    def make(partial: Path) -> None:
        write_rows(partial, *ordinary_rows(setting, 1))
        make_pairs(draw(setting, 1), tokenizer_of(setting), 1, PAIRS_PER_STEP).save(partial)

    return setting, prepared(setting, setting.out / "data", make)


def new_run(kind: type[Run], setting: Setting, data: Path) -> Run:
    return kind(setting.out, from_scratch(setting, 1), data, 40 * 2 * 512, compiled=False)


def test_a_sequence_has_the_mean_of_its_tokens_log_probabilities(data: tuple[Setting, Path]) -> None:
    run = new_run(TripletRun, *data)
    assert isinstance(run, TripletRun)
    ids, middle = run.pairs.batch(0, 2)
    found = sequence_logprobs(run.network, ids, middle)
    logits = run.model.logits(run.network.hidden(ids[:, :-1])[0]).float().log_softmax(-1)
    for row in range(len(ids)):
        places = middle[row].nonzero()[:, 0]
        expected = torch.stack([logits[row, at - 1, ids[row, at]] for at in places]).mean()
        torch.testing.assert_close(found[row], expected, rtol=1e-2, atol=1e-2)  # bf16 logits of two products


def test_the_hinge_widens_the_gap(data: tuple[Setting, Path]) -> None:
    run = new_run(TripletRun, *data)
    assert isinstance(run, TripletRun)
    seen = []
    for _ in range(10):
        hinge, gap = run.hinge()
        hinge.backward()  # type: ignore[no-untyped-call] # torch
        run.optimizer.collect()
        run.optimizer.step(1.0)
        seen.append((float(hinge.detach()), gap))
    assert seen[-1][0] < 0.9 * seen[0][0]
    assert seen[-1][1] > seen[0][1]


def test_it_is_added_to_the_ordinary_loss(data: tuple[Setting, Path]) -> None:
    both, ordinary, alone = (new_run(kind, *data) for kind in (TripletRun, Run, TripletRun))
    assert isinstance(alone, TripletRun)
    hinge, gap = alone.hinge()
    (WEIGHT * hinge).backward()  # type: ignore[no-untyped-call] # torch
    alone.optimizer.collect()
    figures = both.train_step()
    assert figures["loss"] == ordinary.train_step()["loss"]
    assert (figures["hinge"], figures["gap"]) == (float(hinge.detach()), gap)
    # After one step the momentum is a twentieth of the gradients.
    momenta = [run.optimizer.state()["muon.momentum"] for run in (both, ordinary)]
    extra = alone.optimizer.gradients[1] / 20
    assert extra.norm() > 0
    torch.testing.assert_close(momenta[0] - momenta[1], extra, rtol=1e-3, atol=1e-8)


def test_pairs_are_paid_for_with_steps(make_setting: Callable[..., Setting]) -> None:
    setting = make_setting()
    control, treatment = (arm.finish(setting, 1) for arm in (ORDINARY, CLAIM.treatment))
    assert treatment.tokens < control.tokens
    step = treatment.flops / (treatment.tokens / 1024)
    assert control.flops - step < treatment.flops <= control.flops
    assert treatment.notes["cost of pairs"] > 0.1
    assert control.middle is not None and treatment.middle is not None
    assert control.middle != treatment.middle
