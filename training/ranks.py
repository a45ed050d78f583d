"""The processes that share a run: one, or as many as torchrun started on this machine."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

import torch
import torch.distributed as dist
from torch import Tensor

Device = Literal["auto", "cpu", "cuda"]


@dataclass(frozen=True, slots=True)
class Ranks:
    """This process among `count` that do the same at the same time, each on a device of its own."""

    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    rank: int = 0
    count: int = 1

    @property
    def first(self) -> bool:
        """Whether this one writes and speaks for all."""
        return self.rank == 0

    def add(self, *tensors: Tensor) -> None:
        """Replace each tensor by its sum over all processes, the same to the bit in each."""
        if self.count > 1:
            for tensor in tensors:
                dist.all_reduce(tensor)

    def any(self, said: bool) -> bool:
        """Whether one of them says so, the same answer in each."""
        if self.count == 1:
            return said
        said_by = torch.full((), float(said), device=self.device)
        self.add(said_by)
        return float(said_by) > 0

    def wait(self) -> None:
        """Until all are here."""
        if self.count > 1:
            dist.barrier()

    def placed(self, tensor: Tensor) -> Tensor:
        """A tensor of the host on the device, without waiting for what the device does meanwhile."""
        if self.device.type == "cpu":
            return tensor
        return tensor.pin_memory().to(self.device, non_blocking=True)


@contextmanager
def joined(device: Device) -> Iterator[Ranks]:
    """Join the processes that torchrun started with this one, if it did.

    Raises:
        SystemExit: there is no such device, or not one for each process.
    """
    chosen = ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device
    count, local = int(os.environ.get("WORLD_SIZE", "1")), int(os.environ.get("LOCAL_RANK", "0"))
    place = torch.device("cpu")
    if chosen == "cuda":
        if local >= torch.cuda.device_count():
            raise SystemExit(f"training.train: no GPU {local}: torch sees {torch.cuda.device_count()}")
        place = torch.device("cuda", local)
        torch.cuda.set_device(place)
    if count == 1:
        yield Ranks(place)
        return
    if chosen == "cuda":
        dist.init_process_group("nccl", device_id=place)
    else:
        dist.init_process_group("gloo")
    yield Ranks(place, dist.get_rank(), dist.get_world_size())
    # Not after an error: NCCL would wait here for the others, which wait for this one; torchrun ends them.
    dist.destroy_process_group()
