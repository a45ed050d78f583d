"""What a step does on a GPU, shown on a CPU: it makes every tensor where its inputs are, and never waits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from tests.training.tiny_run import new_run, write_rows
from training.grouped_experts import Jagged, grouped_experts
from training.operations import TorchOperations
from training.ranks import Ranks
from training.rows import Batch, Piece

# What reads a number from the device, or has a shape that depends on one. `tolist` on a CPU goes unseen.
WAITING = ("_local_scalar_dense", "nonzero", "bincount", "masked_select", "unique", "_unique2", "equal")


class WaitedError(Exception):
    """A step read something from the device."""


class NoWaiting(TorchDispatchMode):
    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func.overloadpacket.__name__ in WAITING:
            raise WaitedError(str(func))
        return func(*args, **(kwargs or {}))


class GpuOperations(TorchOperations):
    """The way that torch's operations take where tensors are on a GPU."""

    def causal_attention(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        q, k, v = (x.transpose(1, 2) for x in (q, k, v))
        return F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True).transpose(1, 2)

    def grouped_experts(self, x: Tensor, gate_up: Tensor, down: Tensor, experts: Tensor) -> Tensor:
        return grouped_experts(x, gate_up, down, experts, False, Jagged)


class Placed(Batch):
    """A batch that is on the device already."""

    __slots__ = ("ready",)
    ready: Sequence[Piece]

    def pieces(self, ranks: Ranks, rows: int) -> Iterator[Piece]:
        yield from self.ready


def step(folder: Path, operations: TorchOperations) -> Tensor:
    """A step whose tensors are on the CPU, where everything that forgets a device is made elsewhere."""
    run = new_run(folder / "run", write_rows(folder / "data"), 4)
    run.network.operations = operations
    batch = run.rows.batch(0)
    placed = Placed(batch.input_ids, batch.targets, batch.weights)
    object.__setattr__(placed, "ready", list(batch.pieces(run.ranks, 2)))
    with torch.device("meta"), NoWaiting():
        losses, counts = run.accumulate(placed, 2)
        norm = run.optimizer.step(1.0)
        figures = torch.cat((losses, counts.flatten(), norm[None]))
    assert figures.device.type == "cpu"
    return losses


def test_nothing_of_a_step_waits_or_is_made_elsewhere(tmp_path: Path) -> None:
    losses = step(tmp_path, GpuOperations(compiled=False))
    ordinary = new_run(tmp_path / "again", tmp_path / "data", 4)
    rows, number = ordinary.rows_of(0)
    torch.testing.assert_close(losses, ordinary.accumulate(rows.batch(number), 4)[0], rtol=0.01, atol=0)


def test_a_count_that_is_read_would_be_found(tmp_path: Path) -> None:
    class Reads(GpuOperations):
        def linear(self, x: Tensor, w: Tensor) -> Tensor:
            return F.linear(x, w) * float(x.isfinite().all())

    with pytest.raises(WaitedError):
        step(tmp_path, Reads(compiled=False))


def test_a_tensor_that_is_made_elsewhere_would_be_found(tmp_path: Path) -> None:
    class Forgets(GpuOperations):
        def linear(self, x: Tensor, w: Tensor) -> Tensor:
            return F.linear(x.index_select(-1, torch.arange(x.shape[-1])), w)

    with pytest.raises((RuntimeError, NotImplementedError)):
        step(tmp_path, Forgets(compiled=False))
