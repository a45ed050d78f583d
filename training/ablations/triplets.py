"""Claim: triplets of a prompt, a right and a wrong middle teach more than the same compute of ordinary rows.

Each step adds a hinge on the difference of the two sequences' log-probabilities, each the mean over its
tokens: else whichever is longer would be the wrong one (as in RRHF, arXiv 2304.05302). What the pairs cost is
taken off the number of steps.
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

import torch.nn.functional as F
from torch import Tensor

from training.ablations.arm import Arm, Claim, Result
from training.ablations.compute import tokens_for, training_flops, whole_steps
from training.ablations.ordinary import ORDINARY, ordinary_rows
from training.ablations.pairs import LENGTH, Pairs, make_pairs
from training.ablations.recipes import from_scratch
from training.ablations.rows import draw, prepared, tokenizer_of, write_rows
from training.ablations.setting import Setting
from training.ablations.training_arm import train_arm
from training.network import TrainingNetwork
from training.row_format import ROW
from training.train import Run

PAIRS_PER_STEP = 2
MARGIN, WEIGHT = 0.5, 0.1  # nats a token; of the hinge beside the cross entropy


def sequence_logprobs(network: TrainingNetwork, ids: Tensor, middle: Tensor) -> Tensor:
    """Mean log-probability of the middle's tokens, (B,) float32.

    Args:
        ids: (B, T + 1) int64. middle: (B, T + 1) bool, at least one in every row, none in the first column.
    """
    hidden = network.hidden(ids[:, :-1])[0]
    chosen = middle[:, 1:]
    model = network.model
    head = model.embed_tokens if model.lm_head is None else model.lm_head
    logits = F.linear(hidden[chosen], head).float()
    logprobs = -F.cross_entropy(logits, ids[:, 1:][chosen], reduction="none")
    sums = logprobs.new_zeros(len(ids)).index_add(0, chosen.nonzero()[:, 0], logprobs)
    return sums / chosen.sum(1)


class TripletRun(Run):
    """A run whose steps have pairs beside their rows."""

    @cached_property
    def pairs(self) -> Pairs:
        return Pairs.load(self.data)

    def train_step(self) -> dict[str, float]:
        hinge, gap = self.hinge()
        (WEIGHT * hinge).backward()  # type: ignore[no-untyped-call] # torch
        self.optimizer.collect()
        return {**super().train_step(), "hinge": float(hinge.detach()), "gap": gap}

    def hinge(self) -> tuple[Tensor, float]:
        """Of this step's pairs, and how far the right ones are ahead, in nats a token."""
        ids, middle = self.pairs.batch(self.step, PAIRS_PER_STEP)
        right, wrong = sequence_logprobs(self.network, ids, middle).view(-1, 2).unbind(1)
        return F.relu(MARGIN - (right - wrong)).mean(), float((right - wrong).detach().mean())


def run(setting: Setting, seed: int, folder: Path) -> Result:
    recipe = from_scratch(setting, seed)
    config, rows = recipe.config(), recipe.training.rows_per_step
    budget_tokens = whole_steps(setting.tokens, rows * ROW)

    def make(partial: Path) -> None:
        write_rows(partial, *ordinary_rows(setting, seed))
        count = PAIRS_PER_STEP * (budget_tokens // (rows * ROW))
        make_pairs(draw(setting, seed), tokenizer_of(setting), seed, count).save(partial)

    data = prepared(setting, folder / "data", make)
    share = Pairs.load(data).share
    pairs = training_flops(config, PAIRS_PER_STEP * 2 * LENGTH, LENGTH, share)
    step = training_flops(config, rows * ROW) + pairs
    tokens = tokens_for(training_flops(config, budget_tokens), step, rows * ROW)
    flops = tokens / (rows * ROW) * step
    notes = {"cost of pairs": pairs / step}
    return train_arm(setting, seed, folder, data, recipe, tokens, flops, kind=TripletRun, notes=notes)


CLAIM = Claim("triplets", ORDINARY, Arm("triplets", run))
