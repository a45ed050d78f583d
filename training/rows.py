"""The rows that training.examples wrote, a step's worth at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from training.ranks import Ranks
from training.row_format import ROW


@dataclass(frozen=True, slots=True)
class Piece:
    """Rows that go through the network at once, on the device, and their part in the step's losses.

    Attributes:
        input_ids, targets: (B, T) int64.
        weights: (B, T) float32, not all zero.
        loss_share: the part of the step's weight that they have.
        row_share: the part of the step's rows.
    """

    input_ids: Tensor
    targets: Tensor
    weights: Tensor
    loss_share: float
    row_share: float


@dataclass(frozen=True, slots=True)
class Batch:
    """A step's rows on the host: input_ids and targets (B, T) int64, weights (B, T) float32."""

    input_ids: Tensor
    targets: Tensor
    weights: Tensor

    def pieces(self, ranks: Ranks, rows: int) -> Iterator[Piece]:
        """What of it this process computes, at most `rows` rows at a time; as many pieces in each process.

        B is a multiple of `ranks.count`.
        """
        whole, mine = float(self.weights.sum()), len(self.input_ids) // ranks.count
        first = ranks.rank * mine
        for start in range(first, first + mine, rows):
            part = slice(start, min(start + rows, first + mine))
            weights = self.weights[part]
            share = float(weights.sum()) / whole
            yield Piece(
                ranks.placed(self.input_ids[part]),
                ranks.placed(self.targets[part]),
                ranks.placed(weights if share else torch.ones_like(weights)),
                share,
                len(weights) / len(self.weights),
            )


def row_length(folder: Path) -> int:
    """Tokens a row in a folder of training.examples; what it writes by default if nothing is there yet."""
    held_out = folder / "heldout_ids.npy"
    return int(np.load(held_out, mmap_mode="r").shape[1]) - 1 if held_out.exists() else ROW


class Rows:
    """Rows of one length in a fixed order, a fresh permutation every pass.

    Raises:
        SystemExit: the folder holds fewer than `rows`, the number of a step.
    """

    def __init__(self, folder: Path, split: str, seed: int, rows: int) -> None:
        self.ids = np.load(folder / f"{split}_ids.npy", mmap_mode="r")
        self._weights = np.load(folder / f"{split}_weights.npy", mmap_mode="r")
        self._rows, self._seed = rows, seed
        self._order, self._epoch = np.arange(len(self.ids)), 0
        if len(self.ids) < rows:
            raise SystemExit(f"training.train: {folder}: {len(self.ids)} {split} rows, a step takes {rows}")

    @property
    def length(self) -> int:
        """Tokens a row."""
        return int(self.ids.shape[1]) - 1

    def batch(self, step: int) -> Batch:
        epoch, at = divmod(step, len(self.ids) // self._rows)
        if epoch != self._epoch:
            self._order = np.random.default_rng(self._seed + epoch).permutation(len(self.ids))
            self._epoch = epoch
        chosen = np.sort(self._order[at * self._rows : (at + 1) * self._rows])
        ids = torch.from_numpy(self.ids[chosen].astype(np.int64))
        weights = torch.from_numpy(self._weights[chosen][:, 1:].astype(np.float32))
        return Batch(ids[:, :-1], ids[:, 1:], weights)
