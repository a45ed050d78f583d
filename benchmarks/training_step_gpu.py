"""Training steps on a GPU: tokens a second, and the share of the rate at which it multiplies matrices.

    python -m benchmarks.training_step_gpu [--recipe training/gpu.toml] [--row 1024 --row 2048] [--json]

Random tokens, a fresh model for each length of row, torch.compile unless --eager. The first steps are not
counted: they compile. Exits 1 where there is no GPU.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch

from benchmarks.training_step import random_rows
from training.matrix_rate import matrix_rate
from training.ranks import Ranks
from training.train import Recipe, Run

WARM_UP = 3


@dataclass(frozen=True, slots=True)
class Row:
    """Of the median step. `share` is of the rate measured before; `gb` the most that was allocated."""

    row: int
    micro_rows: int
    tokens_per_s: int
    tflops: float
    share: float
    gb: float


def measure(recipe: Recipe, row: int, steps: int, compiled: bool, rate: float, device: torch.device) -> Row:
    """A step has as many tokens as the recipe's with rows of 1024, and as many go through at once."""
    training, shorter = recipe.training, row / 1024
    training = replace(
        training,
        rows_per_step=round(training.rows_per_step / shorter),
        micro_rows=round((training.micro_rows or training.rows_per_step) / shorter),
        long_share=0.0,
    )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        random_rows(folder, training.rows_per_step * 4, row, recipe.config().vocab_size)
        run = Run(
            folder, replace(recipe, training=training), folder, 1e12, compiled, ranks=Ranks(device),
        )  # fmt: skip
        seconds = []
        for _ in range(WARM_UP + steps):
            began = time.perf_counter()
            run.train_step()  # ends with figures that the GPU had to finish
            seconds.append(time.perf_counter() - began)
        step = statistics.median(seconds[WARM_UP:])
    flops = run.flops() / step
    gb = torch.cuda.max_memory_allocated(device) / 1e9 if device.type == "cuda" else 0.0
    return Row(row, training.micro_rows, round(run.tokens_per_step / step), flops / 1e12, flops / rate, gb)


def table(rows: list[Row]) -> str:
    lines = ["| row | rows at once | tokens/s | TFLOP/s | share | GB |", "|---|---|---|---|---|---|"]
    lines += [
        f"| {r.row} | {r.micro_rows} | {r.tokens_per_s} | {r.tflops:.1f} | {r.share:.1%} | {r.gb:.1f} |"
        for r in rows
    ]
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Training steps on a GPU.")
    parser.add_argument("--recipe", type=Path, default=Path("training/gpu.toml"))
    parser.add_argument("--row", type=int, action="append", help="tokens a row; 1024 and 2048 if left out")
    parser.add_argument("--micro-rows", type=int, help="instead of the recipe's")
    parser.add_argument("--steps", type=int, default=10, help="counted steps of each")
    parser.add_argument("--eager", action="store_true", help="without torch.compile")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of a table")
    options = parser.parse_args(arguments)
    if not torch.cuda.is_available():
        print("training_step_gpu: this benchmark needs a CUDA device, and torch sees none", file=sys.stderr)
        return 1
    recipe, device = Recipe.from_file(options.recipe), torch.device("cuda", 0)
    if options.micro_rows:
        recipe = replace(recipe, training=replace(recipe.training, micro_rows=options.micro_rows))
    rate, rows = matrix_rate(device), []
    for row in options.row or (1024, 2048):
        torch.cuda.reset_peak_memory_stats(device)
        rows.append(measure(recipe, row, options.steps, not options.eager, rate, device))
    name = torch.cuda.get_device_name(device)
    if options.json:
        figures = {"device": name, "torch": torch.__version__, "matrix_tflops": rate / 1e12}
        print(json.dumps({**figures, "rows": [asdict(row) for row in rows]}))
    else:
        print(
            f"{name}, torch {torch.__version__}: {rate / 1e12:.0f} TFLOP/s in large products\n{table(rows)}"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
