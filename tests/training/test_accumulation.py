"""A step's rows may go through the network in pieces, and be longer at the end of a run."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from tests.training.tiny_run import ROW, new_run, write_rows
from training.ranks import Ranks
from training.train import Run


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_rows(tmp_path_factory.mktemp("data"))


def gradients(run: Run) -> tuple[list[Tensor], Tensor, Tensor]:
    rows, number = run.rows_of(0)
    losses, counts = run.accumulate(rows.batch(number), run.micro_rows(rows))
    return list(run.optimizer.gradients), losses, counts


# What is learnt of the z-loss is learnt of rows, not of weights; 3 leaves a piece of one row.
@pytest.mark.parametrize("device", ["cpu", "cuda"] if torch.cuda.is_available() else ["cpu"])
@pytest.mark.parametrize("micro_rows", [1, 3])
def test_rows_in_pieces_add_up_to_the_same_gradients(
    tmp_path: Path, data: Path, micro_rows: int, device: str
) -> None:
    alone = ("balance_weight = 0.01", "balance_weight = 0.0"), ("z_weight = 0.01", "z_weight = 1.0")
    pieces = ("rows_per_step = 4", f"rows_per_step = 4\nmicro_rows = {micro_rows}")
    whole, _, counts = gradients(new_run(tmp_path / "whole", data, 4, *alone))
    ranks = Ranks(torch.device(device))
    parts, _, part_counts = gradients(new_run(tmp_path / "parts", data, 4, *alone, pieces, ranks=ranks))
    # Another order of summation may turn a choice between two experts that are as likely.
    assert (counts - part_counts.cpu()).abs().sum() <= 4
    for a, b in zip(whole, parts, strict=True):
        # Gradients are rounded to bfloat16 (2**-9) once for each piece.
        assert (a - b.cpu()).norm() <= 0.02 * a.norm()


def test_balance_is_asked_of_all_rows_so_far(tmp_path: Path, data: Path) -> None:
    pieces = ("rows_per_step = 4", "rows_per_step = 4\nmicro_rows = 1")
    heavy = ("balance_weight = 0.01", "balance_weight = 1.0")
    whole, whole_losses, _ = gradients(new_run(tmp_path / "whole", data, 4, heavy))
    parts, losses, _ = gradients(new_run(tmp_path / "parts", data, 4, heavy, pieces))
    torch.testing.assert_close(losses, whole_losses, rtol=0.01, atol=0)
    for a, b in zip(whole, parts, strict=True):
        # The first of four pieces does not know the loads of the others.
        assert (a - b).norm() <= 0.1 * a.norm()


@pytest.mark.parametrize("rank", [0, 1])
def test_each_process_has_its_part_of_a_batch(tmp_path: Path, data: Path, rank: int) -> None:
    batch = new_run(tmp_path, data, 4).rows.batch(0)
    pieces = list(batch.pieces(Ranks(rank=rank, count=2), 1))
    mine = slice(rank * 2, rank * 2 + 2)
    assert torch.equal(torch.cat([piece.input_ids for piece in pieces]), batch.input_ids[mine])
    assert torch.equal(torch.cat([piece.targets for piece in pieces]), batch.targets[mine])
    assert [piece.row_share for piece in pieces] == [0.25, 0.25]
    assert [piece.loss_share for piece in pieces] == pytest.approx([(1, 5)[rank] / 12] * 2)


def test_rows_without_weight_cost_nothing_and_break_nothing(tmp_path: Path, data: Path) -> None:
    batch = new_run(tmp_path, data, 4).rows.batch(0)
    batch.weights[:2] = 0
    light, heavy = batch.pieces(Ranks(), 2)
    assert (light.loss_share, heavy.loss_share) == (0.0, 1.0)
    assert light.weights.all()


def test_the_end_of_a_run_is_on_longer_rows(tmp_path: Path, data: Path) -> None:
    long_data = write_rows(tmp_path / "long", 2 * ROW)
    share = (
        ("rows_per_step = 4", "rows_per_step = 4\nmicro_rows = 2"),
        ("z_weight = 0.01", "z_weight = 0.01\nlong_share = 0.5"),
    )
    run = new_run(tmp_path / "run", data, 6, *share, long_data=long_data)
    whole, shapes, flops = [], [], []
    for _ in range(6):
        rows, number = run.rows_of(run.step)
        shapes.append((*rows.batch(number).input_ids.shape, run.micro_rows(rows)))
        flops.append(run.flops())
        whole.append(run.train_step()["loss"])
        if run.step == 4:
            run.save()
    assert shapes == [(4, ROW, 2)] * 3 + [(2, 2 * ROW, 1)] * 3
    assert flops[3] > flops[2]
    again = new_run(tmp_path / "run", data, 6, *share, long_data=long_data)
    assert [again.train_step()["loss"] for _ in range(again.step, 6)] == whole[4:]


@pytest.mark.parametrize(
    ("changes", "long", "count", "message"),
    [
        ([("z_weight = 0.01", "long_share = 0.5\nz_weight = 0.01")], False, 1, "go together"),
        ([], True, 1, "go together"),
        ([("rows_per_step = 4", "rows_per_step = 19")], False, 1, "18 train rows, a step takes 19"),
        ([], False, 3, "3 processes cannot share 4 rows"),
        ([("z_weight = 0.01", "long_share = 0.5\nz_weight = 0.01")], True, 4, "no share"),
    ],
)
def test_what_does_not_go_together_is_refused(
    tmp_path: Path, data: Path, changes: list[tuple[str, str]], long: bool, count: int, message: str
) -> None:
    long_data = write_rows(tmp_path / "long", 2 * ROW) if long else None
    with pytest.raises(SystemExit, match=message):
        new_run(tmp_path / "run", data, 4, *changes, long_data=long_data, ranks=Ranks(count=count))
