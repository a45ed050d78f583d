"""Stage 4: train the model of a recipe on the rows of training.examples; stop and resume at any time.

    python -m training.train --recipe training/small.toml --data DIR --run DIR --tokens 40e6

A run is a folder: `checkpoint.safetensors` (written whole or not at all, every --checkpoint-minutes and at
the end), `log.jsonl` (a line every 20 steps) and the recipe it was started with. Started again with the
same folder it goes on where the checkpoint stands. The learning rate falls to zero at --tokens.
"""

from __future__ import annotations

import argparse
import json
import math
import shutil
import signal
import sys
import threading
import time
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TextIO, get_args

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from inference.models.config import Qwen3MoeConfig
from inference.models.loader import load_weights
from inference.models.qwen3_moe import Qwen3Moe
from training.examples import END_WEIGHT, MIDDLE_WEIGHT, ROW
from training.network import TrainingNetwork
from training.operations import NativeOperations, Operations, TorchOperations, why_not_native
from training.optimizer import MuonAdamW, OptimizerSettings

Kernels = Literal["auto", "native", "torch"]


@dataclass(frozen=True, slots=True)
class TrainingSettings:
    seed: int
    rows_per_step: int
    warmup_steps: int
    decay_share: float
    balance_weight: float
    z_weight: float


@dataclass(frozen=True, slots=True)
class Recipe:
    """A model's shape and how it is trained."""

    model: dict[str, Any]
    training: TrainingSettings
    optimizer: OptimizerSettings

    @classmethod
    def from_file(cls, path: Path) -> Recipe:
        with path.open("rb") as file:
            data = tomllib.load(file)
        return cls(
            data["model"], TrainingSettings(**data["training"]), OptimizerSettings(**data["optimizer"])
        )

    def config(self) -> Qwen3MoeConfig:
        return Qwen3MoeConfig.from_json({"architectures": ["Qwen3MoeForCausalLM"], **self.model})


def initialise(model: Qwen3Moe, seed: int) -> None:
    """Normal(0, 0.02); projections into the residual narrowed by the depth (GPT-2); norms at one."""
    generator = torch.Generator().manual_seed(seed)
    narrow = 0.02 / math.sqrt(2 * model.config.num_layers)
    for name, p in model.named_parameters():
        leaf = name.rsplit(".", 1)[-1]
        if leaf.endswith("norm"):
            p.data.fill_(1.0)
        else:
            std = narrow if leaf in ("o_proj", "down") else 0.02
            p.data.copy_(torch.randn(p.shape, generator=generator) * std)


def learning_rate_scale(step: int, total_steps: int, settings: TrainingSettings) -> float:
    """Warm up linearly, stay, and fall linearly to zero over the last `decay_share` of the run."""
    decay_steps = max(1, int(total_steps * settings.decay_share))
    return min(1.0, (step + 1) / settings.warmup_steps, max(0.0, (total_steps - step) / decay_steps))


def flops_per_token(config: Qwen3MoeConfig) -> float:
    """Forward and backward, multiply-adds counted twice, causal attention at half."""
    d, c = config.hidden_size, config.head_dim
    attention = d * (config.num_heads + 2 * config.num_kv_heads) * c + config.num_heads * c * d
    experts = config.num_experts * d + config.experts_per_token * 3 * d * config.expert_size
    active = config.num_layers * (attention + experts) + config.vocab_size * d
    return 6.0 * active + 6.0 * config.num_layers * ROW * config.num_heads * c


def operations(kernels: Kernels, config: Qwen3MoeConfig, compiled: bool) -> Operations:
    """What a run's matrices go through.

    Raises:
        SystemExit: native kernels were asked for and cannot be had.
    """
    if kernels == "torch":
        return TorchOperations(compiled)
    reason = why_not_native(config, ROW, torch.bfloat16)
    if reason is None:
        return NativeOperations()
    if kernels == "native":
        raise SystemExit(f"training.train: no native kernels: {reason}")
    print(f"no native kernels: {reason}", flush=True)
    return TorchOperations(compiled)


class Rows:
    """The training rows in a fixed order, a fresh permutation every pass."""

    def __init__(self, data: Path, split: str, seed: int) -> None:
        self.ids = np.load(data / f"{split}_ids.npy", mmap_mode="r")
        self.weights = np.load(data / f"{split}_weights.npy", mmap_mode="r")
        self._seed, self._order, self._epoch = seed, np.arange(len(self.ids)), 0

    def batch(self, step: int, rows: int) -> tuple[Tensor, Tensor, Tensor]:
        """Inputs, targets (rows, ROW) int64 and weights float32 of `step`."""
        steps_an_epoch = len(self.ids) // rows
        epoch, at = divmod(step, steps_an_epoch)
        if epoch != self._epoch:
            self._order = np.random.default_rng(self._seed + epoch).permutation(len(self.ids))
            self._epoch = epoch
        chosen = np.sort(self._order[at * rows : (at + 1) * rows])
        ids = torch.from_numpy(self.ids[chosen].astype(np.int64))
        weights = torch.from_numpy(self.weights[chosen][:, 1:].astype(np.float32))
        return ids[:, :-1], ids[:, 1:], weights


def load_checkpoint(folder: Path) -> dict[str, Tensor]:
    """The optimizer's state, float32 masters of the parameters among it, and how far the run is."""
    return load_file(folder / "checkpoint.safetensors")


class Run:
    """A training run in a folder."""

    def __init__(
        self,
        folder: Path,
        recipe: Recipe,
        data: Path,
        total_tokens: float,
        compiled: bool,
        begin_with: Path | None = None,
        kernels: Kernels = "torch",
    ) -> None:
        self.folder, self.recipe = folder, recipe
        settings = recipe.training
        if begin_with is None:
            self.model = Qwen3Moe(recipe.config(), dtype=torch.bfloat16)
            initialise(self.model, settings.seed)
        else:
            weights = load_weights(begin_with, recipe.config(), torch.device("cpu"), torch.bfloat16)
            self.model = weights.train().requires_grad_(True)
        self.network = TrainingNetwork(
            self.model, operations(kernels, recipe.config(), compiled), compiled=compiled
        )
        self.optimizer = MuonAdamW(self.model, recipe.optimizer)
        self.rows, self.held_out = Rows(data, "train", settings.seed), Rows(data, "heldout", settings.seed)
        self.tokens_per_step = settings.rows_per_step * ROW
        self.total_steps = max(1, int(total_tokens / self.tokens_per_step))
        self.step = 0
        self.seconds = 0.0
        if (folder / "checkpoint.safetensors").exists():
            state = load_checkpoint(folder)
            self.optimizer.restore(state)
            self.step, self.seconds = int(state["step"]), float(state["seconds"])

    def save(self) -> None:
        partial = self.folder / "checkpoint.safetensors.part"
        progress = {
            "step": torch.tensor(self.step),
            "seconds": torch.tensor(self.seconds, dtype=torch.float64),
        }
        save_file({**self.optimizer.state(), **progress}, partial)
        partial.rename(self.folder / "checkpoint.safetensors")

    def objective(self) -> tuple[Tensor, dict[str, float]]:
        """What this step lessens, and its figures."""
        settings = self.recipe.training
        input_ids, targets, weights = self.rows.batch(self.step, settings.rows_per_step)
        loss, balance, z_loss, busiest = self.network.loss(input_ids, targets, weights)
        total = loss + settings.balance_weight * balance + settings.z_weight * z_loss
        return total, {
            "loss": float(loss.detach()),
            "balance": float(balance.detach()),
            "busiest": float(busiest),
        }

    def train_step(self) -> dict[str, float]:
        self.optimizer.zero_grad()
        total, figures = self.objective()
        total.backward()  # type: ignore[no-untyped-call] # torch
        scale = learning_rate_scale(self.step, self.total_steps, self.recipe.training)
        norm = self.optimizer.step(scale)
        self.step += 1
        return {**figures, "grad_norm": norm, "lr": scale}

    @torch.no_grad()
    def held_out_losses(self, batches: int = 4) -> dict[str, float]:
        """Nats a token on held-out rows with the averaged weights: all that is learnt, middles, ends."""
        rows = self.recipe.training.rows_per_step
        losses: dict[str, list[float]] = {"all": [], "middle": [], "end": []}
        for step in range(batches):
            input_ids, targets, weights = self.held_out.batch(step, rows)
            kinds = {
                "all": weights > 0,
                "middle": weights == MIDDLE_WEIGHT,
                "end": weights == END_WEIGHT,
            }
            with self.optimizer.averaged():
                for kind, chosen in kinds.items():
                    losses[kind].append(float(self.network.loss(input_ids, targets, chosen.float())[0]))
        return {kind: float(np.mean(values)) for kind, values in losses.items()}


def progress_line(record: dict[str, Any], total_steps: int) -> str:
    line = (
        f"step {record['step']}/{total_steps}  {record['tokens'] / 1e6:.1f}M tokens  "
        f"loss {record['loss']:.3f}  "
        f"busiest expert {record['busiest']:.0%}  {record['tokens_per_s']} tokens/s  "
        f"{record['tflops']} TFLOP/s  {record['minutes_left']} min left"
    )
    held_out = record.get("held_out", {})
    return line + "".join(f"  held-out {name} {value:.3f}" for name, value in held_out.items())


@contextmanager
def stop_requests() -> Iterator[threading.Event]:
    """An event that SIGINT and SIGTERM set, so that a step is finished and saved before the end."""
    asked = threading.Event()
    before = {
        number: signal.signal(number, lambda *_: asked.set()) for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def train(run: Run, checkpoint_minutes: float) -> None:
    """Take `run` to its end or to a signal, and save it."""
    with stop_requests() as stop, (run.folder / "log.jsonl").open("a", encoding="utf-8") as log:
        _train(run, checkpoint_minutes, stop, log)
    run.save()


def _train(run: Run, checkpoint_minutes: float, stop: threading.Event, log: TextIO) -> None:
    flops = flops_per_token(run.model.config) * run.tokens_per_step
    saved, recent = time.monotonic(), []
    while run.step < run.total_steps and not stop.is_set():
        started = time.monotonic()
        figures = run.train_step()
        took = time.monotonic() - started
        run.seconds += took
        recent.append((figures["loss"], took))
        if run.step % 20 == 0 or run.step == run.total_steps:
            loss, step_s = (float(np.mean(column)) for column in zip(*recent, strict=True))
            recent.clear()
            record: dict[str, Any] = {
                "step": run.step, "tokens": run.step * run.tokens_per_step, "seconds": round(run.seconds),
                **{k: round(v, 4) for k, v in {**figures, "loss": loss}.items()},
                "tokens_per_s": round(run.tokens_per_step / step_s),
                "tflops": round(flops / step_s / 1e12, 3),
                "minutes_left": round((run.total_steps - run.step) * step_s / 60, 1),
            }  # fmt: skip
            if run.step % 200 == 0 or run.step == run.total_steps:
                record["held_out"] = {k: round(v, 4) for k, v in run.held_out_losses().items()}
            log.write(json.dumps(record) + "\n")
            log.flush()
            print(progress_line(record, run.total_steps), flush=True)
        if time.monotonic() - saved > checkpoint_minutes * 60:
            run.save()
            saved = time.monotonic()


def main() -> int:
    parser = argparse.ArgumentParser(prog="training.train", description="Train the model of a recipe.")
    parser.add_argument("--recipe", type=Path, default=Path(__file__).with_name("small.toml"))
    parser.add_argument("--data", type=Path, required=True, help="folder that training.examples wrote")
    parser.add_argument("--run", type=Path, required=True, help="folder of this run; goes on where it stands")
    parser.add_argument("--tokens", type=float, required=True, help="the run's whole length")
    parser.add_argument("--begin-with", type=Path, help="a checkpoint whose weights a new run starts from")
    parser.add_argument("--checkpoint-minutes", type=float, default=5)
    parser.add_argument("--eager", action="store_true", help="without torch.compile")
    parser.add_argument(
        "--kernels",
        choices=get_args(Kernels),
        default="auto",
        help="what multiplies matrices: training/native, torch, or the first if this machine can run it",
    )
    arguments = parser.parse_args()
    arguments.run.mkdir(parents=True, exist_ok=True)
    torch.set_flush_denormal(True)
    recipe = arguments.run / "recipe.toml"
    if not recipe.exists():
        shutil.copyfile(arguments.recipe, recipe)
    run = Run(
        arguments.run,
        Recipe.from_file(recipe),
        arguments.data,
        arguments.tokens,
        not arguments.eager,
        arguments.begin_with,
        arguments.kernels,
    )
    count = sum(p.numel() for p in run.model.parameters())
    print(
        f"{count / 1e6:.1f}M parameters; step {run.step} of {run.total_steps}; "
        f"matrices by {run.network.operations.name}",
        flush=True,
    )
    train(run, arguments.checkpoint_minutes)
    return 0


if __name__ == "__main__":
    sys.exit(main())
