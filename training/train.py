"""Stage 4: train the model of a recipe on the rows of training.examples; stop and resume at any time.

    python -m training.train --recipe training/small.toml --data DIR --run DIR --tokens 40e6
    torchrun --nproc-per-node 8 -m training.train --recipe training/gpu.toml --run-folder DIR ...

A run is a folder: `checkpoint.safetensors` (written whole or not at all, every --checkpoint-minutes and at
the end), `log.jsonl` (a line every 20 steps) and the recipe it was started with. Started again with the
same folder it goes on where the checkpoint stands. The learning rate falls to zero at --tokens.

Started by torchrun, every process computes its part of each step's rows on a GPU of its own, and the sums of
their gradients take the same step in each: what one process would compute, in another order of summation.
"""

from __future__ import annotations

import argparse
import math
import shutil
import signal
import sys
import threading
import time
import tomllib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from inference.models.config import Qwen3MoeConfig
from inference.models.loader import load_weights
from inference.models.qwen3_moe import Qwen3Moe
from training.matrix_rate import matrix_rate
from training.memory import keep_freed_memory
from training.network import TrainingNetwork
from training.operations import NativeOperations, Operations, TorchOperations, why_not_native
from training.optimizer import MuonAdamW, OptimizerSettings
from training.ranks import Device, Ranks, joined
from training.row_format import END_WEIGHT, MIDDLE_WEIGHT
from training.rows import Batch, Rows
from training.run_log import RunLog

Kernels = Literal["auto", "native", "torch"]


@dataclass(frozen=True, slots=True)
class TrainingSettings:
    """`rows_per_step` is of all processes, `micro_rows` of one: rows that go through the network at once, or
    0 for all it has. The last `long_share` of the run is on rows of --long-data, so many fewer a step as
    they are longer."""

    seed: int
    rows_per_step: int
    warmup_steps: int
    decay_share: float
    balance_weight: float
    z_weight: float
    micro_rows: int = 0
    long_share: float = 0.0


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


def flops_per_token(config: Qwen3MoeConfig, length: int) -> float:
    """Forward and backward over rows of `length`, multiply-adds counted twice, causal attention at half."""
    d, c = config.hidden_size, config.head_dim
    attention = d * (config.num_heads + 2 * config.num_kv_heads) * c + config.num_heads * c * d
    experts = config.num_experts * d + config.experts_per_token * 3 * d * config.expert_size
    active = config.num_layers * (attention + experts) + config.vocab_size * d
    return 6.0 * active + 6.0 * config.num_layers * length * config.num_heads * c


def operations(
    kernels: Kernels, config: Qwen3MoeConfig, compiled: bool, lengths: list[int], device: torch.device
) -> Operations:
    """What the matrices of a run go through, on rows of `lengths`.

    Raises:
        SystemExit: native kernels were asked for and cannot be had.
    """
    if kernels == "torch":
        return TorchOperations(compiled)
    if device.type == "cpu":
        reasons = (why_not_native(config, length, torch.bfloat16) for length in lengths)
        reason = next((reason for reason in reasons if reason is not None), None)
    else:
        reason = "they are for the CPU"
    if reason is None:
        return NativeOperations()
    if kernels == "native":
        raise SystemExit(f"training.train: no native kernels: {reason}")
    if device.type == "cpu":
        print(f"no native kernels: {reason}", flush=True)
    return TorchOperations(compiled)


def load_checkpoint(folder: Path) -> dict[str, Tensor]:
    """The optimizer's state, float32 masters of the parameters among it, and how far the run is."""
    return load_file(folder / "checkpoint.safetensors")


class Run:
    """A training run in a folder.

    Raises:
        SystemExit: the recipe, the data and the number of processes do not go together.
    """

    def __init__(
        self,
        folder: Path,
        recipe: Recipe,
        data: Path,
        total_tokens: float,
        compiled: bool,
        begin_with: Path | None = None,
        kernels: Kernels = "torch",
        *,
        long_data: Path | None = None,
        ranks: Ranks | None = None,
    ) -> None:
        self.folder, self.recipe, self.data, self.ranks = folder, recipe, data, ranks or Ranks()
        settings, config, device = recipe.training, recipe.config(), self.ranks.device
        self.rows = Rows(data, "train", settings.seed, settings.rows_per_step)
        self.held_out = Rows(data, "heldout", settings.seed, settings.rows_per_step)
        self.tokens_per_step = settings.rows_per_step * self.rows.length
        self.total_steps = max(1, int(total_tokens / self.tokens_per_step))
        self.long_rows = self._long_rows(long_data)
        self.first_long_step = self.total_steps - int(self.total_steps * settings.long_share)
        if settings.rows_per_step % self.ranks.count:
            raise SystemExit(
                f"training.train: {self.ranks.count} processes cannot share {settings.rows_per_step} rows"
            )
        if begin_with is None:
            self.model = Qwen3Moe(config, device, torch.bfloat16)
            initialise(self.model, settings.seed)
        else:
            weights = load_weights(begin_with, config, device, torch.bfloat16)
            self.model = weights.train().requires_grad_(True)
        lengths = [rows.length for rows in (self.rows, self.long_rows) if rows is not None]
        self.network = TrainingNetwork(
            self.model, operations(kernels, config, compiled, lengths, device), compiled=compiled
        )
        self.optimizer = MuonAdamW(self.model, recipe.optimizer)
        self.step = 0
        self.seconds = 0.0
        if (folder / "checkpoint.safetensors").exists():
            state = load_checkpoint(folder)
            self.optimizer.restore(state)
            self.step, self.seconds = int(state["step"]), float(state["seconds"])

    def _long_rows(self, data: Path | None) -> Rows | None:
        settings = self.recipe.training
        if (data is None) != (settings.long_share == 0):
            raise SystemExit("training.train: --long-data and the recipe's long_share go together")
        if data is None:
            return None
        rows, rest = divmod(self.tokens_per_step, Rows(data, "train", settings.seed, 1).length)
        if rest or rows % self.ranks.count:
            raise SystemExit(f"training.train: {self.tokens_per_step} tokens a step are no share of {data}")
        return Rows(data, "train", settings.seed, rows)

    def save(self) -> None:
        """Write the checkpoint, in the first process alone."""
        if not self.ranks.first:
            return
        partial = self.folder / "checkpoint.safetensors.part"
        progress = {
            "step": torch.tensor(self.step),
            "seconds": torch.tensor(self.seconds, dtype=torch.float64),
        }
        state = {name: tensor.cpu() for name, tensor in self.optimizer.state().items()}
        save_file({**state, **progress}, partial)
        partial.rename(self.folder / "checkpoint.safetensors")

    def rows_of(self, step: int) -> tuple[Rows, int]:
        """The rows that `step` takes from, and its number among the steps that do."""
        if self.long_rows is None or step < self.first_long_step:
            return self.rows, step
        return self.long_rows, step - self.first_long_step

    def micro_rows(self, rows: Rows) -> int:
        """How many of `rows` go through the network at once: as many tokens, however long they are."""
        micro = self.recipe.training.micro_rows or self.recipe.training.rows_per_step
        return max(1, micro * self.rows.length // rows.length)

    def accumulate(self, batch: Batch, micro_rows: int) -> tuple[Tensor, Tensor]:
        """Sum the gradients of a batch over its pieces and all processes, in `optimizer.gradients`.

        Returns:
            its loss and balance loss, (2,), this process's part; where its tokens went, (L, E), of all.
        """
        settings, config, device = self.recipe.training, self.model.config, self.ranks.device
        losses = torch.zeros(2, device=device)
        counts = torch.zeros(config.num_layers, config.num_experts, device=device)
        for piece in batch.pieces(self.ranks, micro_rows):
            loss, routing = self.network.loss(piece.input_ids, piece.targets, piece.weights)
            self.ranks.add(routing.counts)
            counts = counts + routing.counts
            balance = routing.balance(counts)
            router = settings.balance_weight * balance + settings.z_weight * routing.z_loss
            total = loss * piece.loss_share + router * piece.row_share
            total.backward()  # type: ignore[no-untyped-call] # torch
            self.optimizer.collect()
            losses += torch.stack((loss.detach() * piece.loss_share, balance.detach() * piece.row_share))
        self.ranks.add(*self.optimizer.gradients)
        return losses, counts

    def train_step(self) -> dict[str, float]:
        rows, number = self.rows_of(self.step)
        losses, counts = self.accumulate(rows.batch(number), self.micro_rows(rows))
        scale = learning_rate_scale(self.step, self.total_steps, self.recipe.training)
        norm = self.optimizer.step(scale)
        self.step += 1
        self.ranks.add(losses)
        busiest = (counts.amax(1) / counts.sum(1)).max()
        # The one place of a step that waits for a GPU.
        figures = torch.cat((losses, torch.stack((busiest, norm)))).tolist()
        names = "loss", "balance", "busiest", "grad_norm"
        return {**dict(zip(names, figures, strict=True)), "lr": scale}

    def flops(self) -> float:
        """Of the next step, in all processes."""
        return flops_per_token(self.model.config, self.rows_of(self.step)[0].length) * self.tokens_per_step

    @torch.no_grad()
    def held_out_losses(self, batches: int = 4) -> dict[str, float]:
        """Nats a token on held-out rows with the averaged weights: all that is learnt, middles, ends."""
        sums = torch.zeros(3, 2, dtype=torch.float64, device=self.ranks.device)
        with self.optimizer.averaged():
            for step in range(batches):
                batch = self.held_out.batch(step)
                for piece in batch.pieces(self.ranks, self.micro_rows(self.held_out)):
                    hidden = self.network.hidden(piece.input_ids)[0]
                    kinds = piece.weights > 0, piece.weights == MIDDLE_WEIGHT, piece.weights == END_WEIGHT
                    for kind, chosen in enumerate(kinds):
                        if piece.loss_share and (tokens := float(chosen.sum())):
                            loss = self.network.cross_entropy(hidden, piece.targets, chosen.float())
                            sums[kind] += torch.stack((loss.double() * tokens, chosen.sum()))
        self.ranks.add(sums)
        found = zip(("all", "middle", "end"), sums.tolist(), strict=True)
        return {kind: nats / tokens for kind, (nats, tokens) in found if tokens}


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


def train(run: Run, checkpoint_minutes: float, minutes: float = math.inf) -> None:
    """Take `run` to its end, to a signal to any of its processes or through `minutes`, and save it."""
    rate = None
    if run.ranks.first and run.ranks.device.type == "cuda":
        rate = matrix_rate(run.ranks.device) * run.ranks.count
        print(f"{rate / 1e12:.0f} TFLOP/s in products of large matrices", flush=True)
    with stop_requests() as stop, ExitStack() as stack:
        log = None
        if run.ranks.first:
            log = stack.enter_context(RunLog(run.folder, run.total_steps, run.tokens_per_step, rate))
        _train(run, checkpoint_minutes, time.monotonic() + minutes * 60, stop, log)
        run.save()


def _train(
    run: Run, checkpoint_minutes: float, deadline: float, stop: threading.Event, log: RunLog | None
) -> None:
    saved = time.monotonic()
    while run.step < run.total_steps:
        started, flops = time.monotonic(), run.flops()
        figures = run.train_step()
        took = time.monotonic() - started
        run.seconds += took
        measured = run.step % 200 == 0 or run.step == run.total_steps
        held_out = run.held_out_losses() if measured else {}
        if log:
            log.step(run.step, run.seconds, took, flops, figures, held_out)
        if time.monotonic() - saved > checkpoint_minutes * 60:
            run.save()
            saved = time.monotonic()
        if run.ranks.any(stop.is_set() or time.monotonic() >= deadline):
            break


def main() -> int:
    parser = argparse.ArgumentParser(prog="training.train", description="Train the model of a recipe.")
    parser.add_argument("--recipe", type=Path, default=Path(__file__).with_name("small.toml"))
    parser.add_argument("--data", type=Path, required=True, help="folder that training.examples wrote")
    parser.add_argument("--long-data", type=Path, help="another, of longer rows, for the end of the run")
    # torchrun takes --run for an abbreviation of its own --run-path.
    parser.add_argument(
        "--run",
        "--run-folder",
        type=Path,
        required=True,
        help="folder of this run; goes on where it stands",
    )
    parser.add_argument("--tokens", type=float, required=True, help="the run's whole length")
    parser.add_argument("--minutes", type=float, default=math.inf, help="stop after so long, to go on later")
    parser.add_argument("--begin-with", type=Path, help="a checkpoint whose weights a new run starts from")
    parser.add_argument("--checkpoint-minutes", type=float, default=5)
    parser.add_argument("--eager", action="store_true", help="without torch.compile")
    parser.add_argument(
        "--device", choices=get_args(Device), default="auto", help="a GPU if torch sees one, else the CPU"
    )
    parser.add_argument(
        "--kernels",
        choices=get_args(Kernels),
        default="auto",
        help="what multiplies matrices: training/native, torch, or the first if this machine can run it",
    )
    arguments = parser.parse_args()
    torch.set_flush_denormal(True)
    keep_freed_memory()
    with joined(arguments.device) as ranks:
        recipe = arguments.run / "recipe.toml"
        if ranks.first:
            arguments.run.mkdir(parents=True, exist_ok=True)
            if not recipe.exists():
                shutil.copyfile(arguments.recipe, recipe)
        ranks.wait()
        run = Run(
            arguments.run,
            Recipe.from_file(recipe),
            arguments.data,
            arguments.tokens,
            not arguments.eager,
            arguments.begin_with,
            arguments.kernels,
            long_data=arguments.long_data,
            ranks=ranks,
        )
        if ranks.first:
            count = sum(p.numel() for p in run.model.parameters())
            print(
                f"{count / 1e6:.1f}M parameters; step {run.step} of {run.total_steps}; "
                f"{ranks.count} x {ranks.device.type}; matrices by {run.network.operations.name}",
                flush=True,
            )
        train(run, arguments.checkpoint_minutes, arguments.minutes)
        ranks.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())
