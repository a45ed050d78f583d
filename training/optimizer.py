"""AdamW for embeddings, norms and routers; Muon for the matrices. Float32 masters of bf16 parameters.

Beside them a moving average of the masters, which is what ships: at a constant rate it stands about where
decaying the rate would lead (arXiv 2405.18392).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

# Per-step coefficients of a quintic Newton-Schulz iteration for the polar factor, each step's own optimum
# (Polar Express, arXiv 2505.16932), four steps.
POLAR_STEPS = (
    (4.0848, -6.8946, 2.9270),
    (3.9505, -6.3029, 2.6377),
    (3.7418, -5.5913, 2.3037),
    (2.8769, -3.1427, 1.2046),
)
MATRICES = ("qkv_proj", "o_proj", "gate_up", "down")


@dataclass(frozen=True, slots=True)
class OptimizerSettings:
    adam_lr: float = 3e-3
    adam_betas: tuple[float, float] = (0.9, 0.95)
    adam_weight_decay: float = 0.01
    muon_lr: float = 0.02
    muon_momentum: float = 0.95
    muon_weight_decay: float = 0.01
    max_grad_norm: float = 1.0
    average_decay: float = 0.998  # a step; less over the first steps


def orthogonalise(matrices: Tensor) -> Tensor:
    """(b, rows, columns) → the nearest matrices with orthonormal rows or columns, in bf16."""
    wide = matrices.shape[1] <= matrices.shape[2]
    x = (matrices if wide else matrices.transpose(1, 2)).bfloat16().contiguous()
    x = x / (x.float().norm(dim=(1, 2), keepdim=True) + 1e-7).to(x.dtype)
    for a, b, c in POLAR_STEPS:
        gram = torch.bmm(x, x.transpose(1, 2))
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x if wide else x.transpose(1, 2)


class FlatGroup:
    """Parameters and gradients as views of one buffer each, with a float32 master of the parameters, the
    moving average of it, and the float32 sum of a step's gradients."""

    def __init__(self, parameters: list[nn.Parameter]) -> None:
        self.master = torch.cat([p.data.reshape(-1) for p in parameters]).float()
        self.average = self.master.clone()
        self.values = self.master.to(parameters[0].dtype)
        self.grads = torch.zeros_like(self.values)
        self.sum = torch.zeros_like(self.master)
        start = 0
        for p in parameters:
            p.data = self.values[start : start + p.numel()].view(p.shape)
            p.grad = self.grads[start : start + p.numel()].view(p.shape)
            start += p.numel()

    def collect(self) -> None:
        """Add the gradients to their sum and clear them."""
        self.sum.add_(self.grads)
        self.grads.zero_()

    def publish(self) -> None:
        self.values.copy_(self.master)

    def publish_average(self) -> None:
        self.values.copy_(self.average)


class MuonAdamW:
    """Muon (Jordan et al. 2024) for every 2-D matrix of a layer and expert, AdamW for the rest."""

    def __init__(self, model: nn.Module, settings: OptimizerSettings) -> None:
        self.settings = settings
        named = list(model.named_parameters())
        matrices = [(n, p) for n, p in named if n.rsplit(".", 1)[-1] in MATRICES]
        rest = [p for n, p in named if n.rsplit(".", 1)[-1] not in MATRICES]
        self._adam, self._muon = FlatGroup(rest), FlatGroup([p for _, p in matrices])
        self._first, self._second = torch.zeros_like(self._adam.master), torch.zeros_like(self._adam.master)
        self._momentum = torch.zeros_like(self._muon.master)
        self._steps = torch.zeros((), device=self._adam.master.device)
        self._count = 0  # the same, to be read without waiting for a GPU
        # Where each stack of equally shaped matrices lies in the flat buffer.
        self._stacks: dict[tuple[int, int], list[tuple[int, int]]] = {}
        start = 0
        for name, p in matrices:
            rows, columns = p.shape[-2], p.shape[-1]
            if name.endswith("gate_up"):  # gate and up are two matrices
                rows //= 2
            self._stacks.setdefault((rows, columns), []).append((start, p.numel() // (rows * columns)))
            start += p.numel()

    def collect(self) -> None:
        """Add what a backward pass left in the parameters' gradients to the step's, and clear it."""
        self._adam.collect()
        self._muon.collect()

    @property
    def gradients(self) -> tuple[Tensor, Tensor]:
        """The sums since the last step, of every parameter, in float32; `step` takes what is in them."""
        return self._adam.sum, self._muon.sum

    def step(self, scale: float) -> Tensor:
        """Update at `scale` times the learning rates; return the norm () of AdamW's gradients."""
        norm = self._adam_step(scale)
        self._muon_step(scale)
        self._count += 1
        decay = min(self.settings.average_decay, (1 + self._count) / (10 + self._count))
        for group in (self._adam, self._muon):
            group.average.lerp_(group.master, 1 - decay)
            group.sum.zero_()
        return norm

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """The model's parameters are the moving averages meanwhile."""
        groups = (self._adam, self._muon)
        for group in groups:
            group.publish_average()
        try:
            yield
        finally:
            for group in groups:
                group.publish()

    def _adam_step(self, scale: float) -> Tensor:
        s, grads = self.settings, self._adam.sum
        norm: Tensor = grads.norm()
        grads.mul_(torch.clamp(s.max_grad_norm / (norm + 1e-6), max=1.0))
        torch._fused_adamw_(
            [self._adam.master], [grads], [self._first], [self._second], [], [self._steps.add_(1)],
            lr=s.adam_lr * scale, beta1=s.adam_betas[0], beta2=s.adam_betas[1],
            weight_decay=s.adam_weight_decay, eps=1e-8, amsgrad=False, maximize=False,
        )  # fmt: skip
        self._adam.publish()
        return norm

    def _muon_step(self, scale: float) -> None:
        s, grads = self.settings, self._muon.sum
        self._momentum.lerp_(grads, 1 - s.muon_momentum)
        update = torch.lerp(grads, self._momentum, s.muon_momentum)
        for (rows, columns), stacks in self._stacks.items():
            size = rows * columns
            stacked = torch.cat([update[at : at + b * size].view(b, rows, columns) for at, b in stacks])
            polar = orthogonalise(stacked) * max(1.0, rows / columns) ** 0.5
            for (at, b), part in zip(stacks, polar.split([b for _, b in stacks]), strict=True):
                master = self._muon.master[at : at + b * size]
                master.mul_(1 - s.muon_lr * s.muon_weight_decay * scale)
                master.add_(part.reshape(-1).float(), alpha=-s.muon_lr * scale)
        self._muon.publish()

    def state(self) -> dict[str, Tensor]:
        """Everything a resumed run needs, as float32 tensors."""
        return {
            "adam.master": self._adam.master, "adam.first": self._first, "adam.second": self._second,
            "adam.steps": self._steps, "muon.master": self._muon.master, "muon.momentum": self._momentum,
            "adam.average": self._adam.average, "muon.average": self._muon.average,
        }  # fmt: skip

    def restore(self, state: dict[str, Any]) -> None:
        for name, tensor in self.state().items():
            tensor.copy_(state[name])
        self._count = int(state["adam.steps"])
        self._adam.publish()
        self._muon.publish()
