"""A training step with native kernels against the same step by torch, in turns on the same batches.

    python -m benchmarks.training_step [--recipe training/small.toml] [--steps 8] [--json]

Random tokens, a fresh model each, torch.compile for both. The first two steps of each are not counted: they
compile. Every native step is compared with the torch step right after it, so that a machine that grows slower
meanwhile does so for both.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from training.evaluation.progress import Progress
from training.memory import keep_freed_memory
from training.native_library import missing
from training.row_format import ROW
from training.train import Kernels, Recipe, Run, flops_per_token

WARM_UP = 2
KINDS: tuple[Kernels, Kernels] = ("native", "torch")


def random_rows(folder: Path, rows: int, length: int, vocabulary: int) -> None:
    """The files of training.examples, of tokens that occur as words do: the n-th with probability ~ 1/n."""
    rng = np.random.default_rng(1)
    chances = 1 / np.arange(1, vocabulary + 1)
    ids = rng.choice(vocabulary, (rows, length + 1), p=chances / chances.sum()).astype(np.uint16)
    for split in ("train", "heldout"):
        np.save(folder / f"{split}_ids.npy", ids)
        np.save(folder / f"{split}_weights.npy", np.ones_like(ids, dtype=np.uint8))


def measure(recipe: Recipe, steps: int) -> dict[str, list[float]]:
    """Seconds of each counted step, by kernels."""
    seconds: dict[str, list[float]] = {kind: [] for kind in KINDS}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        random_rows(folder, recipe.training.rows_per_step * 4, ROW, recipe.config().vocab_size)
        runs = {kind: Run(folder, recipe, folder, 1e9, True, kernels=kind) for kind in KINDS}
        progress = Progress("steps", (WARM_UP + steps) * len(KINDS))
        for number in range(WARM_UP + steps):
            for place, (kind, run) in enumerate(runs.items(), 1):
                began = time.perf_counter()
                run.train_step()
                if number >= WARM_UP:
                    seconds[kind].append(time.perf_counter() - began)
                progress(number * len(KINDS) + place)
    return seconds


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="A training step: native kernels against torch.")
    parser.add_argument("--recipe", type=Path, default=Path("training/small.toml"))
    parser.add_argument("--steps", type=int, default=8, help="counted steps of each")
    parser.add_argument("--threads", type=int, help="torch's own choice if left out")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args(arguments)
    if lacks := missing():
        print(f"training_step: native kernels need {lacks}", file=sys.stderr)
        return 1
    if options.threads:
        torch.set_num_threads(options.threads)
    torch.set_flush_denormal(True)
    keep_freed_memory()
    recipe = Recipe.from_file(options.recipe)
    seconds = measure(recipe, options.steps)
    tokens = recipe.training.rows_per_step * ROW
    ratios = [slow / fast for fast, slow in zip(seconds["native"], seconds["torch"], strict=True)]
    figures = {
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        **{f"{kind}_tokens_per_s": round(tokens / statistics.median(seconds[kind])) for kind in KINDS},
        "native_tflops": round(
            flops_per_token(recipe.config(), ROW) * tokens / statistics.median(seconds["native"]) / 1e12, 3
        ),
        "times_as_fast": {
            "median": round(statistics.median(ratios), 2),
            "least": round(min(ratios), 2),
            "most": round(max(ratios), 2),
        },
    }
    if options.json:
        print(json.dumps(figures))
    else:
        for name, value in figures.items():
            print(f"{name:22} {value}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
