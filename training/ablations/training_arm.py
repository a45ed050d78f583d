"""Trains an arm and measures it."""

from __future__ import annotations

import time
from pathlib import Path

import torch

from training.ablations.arm import Result
from training.ablations.recipes import write_recipe
from training.ablations.scores import completer, cursors, human_eval, rest_of_line
from training.ablations.setting import Setting
from training.export import export
from training.jsonl import DataError
from training.train import Recipe, Run, train

CHECKPOINT_MINUTES = 1.0
CURSOR_SEED = 1  # the same cursors for every arm and seed: their luck is no part of a difference


def train_arm(
    setting: Setting,
    seed: int,
    folder: Path,
    data: Path,
    recipe: Recipe,
    tokens: int,
    flops: float,
    *,
    begin_with: Path | None = None,
    kind: type[Run] = Run,
    notes: dict[str, float] | None = None,
) -> Result:
    """Train in `folder` on `data`, go on if it was begun, and measure.

    Args:
        flops: what all of it costs, which is not measured here.
        kind: the run's class, for what is more than other rows.

    Raises:
        DataError: too little is held out.
        SystemExit: it was asked to stop, and has saved.
    """
    torch.set_flush_denormal(True)
    if setting.compiled:  # or the shapes of all arms count against one limit of recompilations
        torch.compiler.reset()
    write_recipe(recipe, folder / "recipe.toml")
    run = kind(folder, recipe, data, tokens, setting.compiled, begin_with, setting.kernels)
    print(f"step {run.step} of {run.total_steps}; matrices by {run.network.operations.name}", flush=True)
    batches = len(run.held_out.ids) // recipe.training.rows_per_step
    if not batches:
        raise DataError(f"{setting.corpus}: too little that is held out to measure by")
    train(run, CHECKPOINT_MINUTES)
    if run.step < run.total_steps:
        raise SystemExit(f"stopped and saved in {folder}; the same command goes on")
    began = time.monotonic()
    middle = run.held_out_losses(batches)["middle"]
    weights = folder / "model"
    export(folder, setting.tokenizer, folder.name, weights)
    with completer(weights) as asked:
        exact, similarity = rest_of_line(
            lambda cursor: asked.line(cursor.text).text, cursors(setting, CURSOR_SEED)
        )
        solved = human_eval(setting, seed, asked, 1) if begin_with else None
    return Result(
        tokens=run.total_steps * run.tokens_per_step,
        flops=flops,
        exact=exact,
        similarity=similarity,
        middle=middle,
        humaneval=solved,
        seconds=run.seconds + time.monotonic() - began,
        notes=notes or {},
    )
