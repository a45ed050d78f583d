"""Claim: training on one's own middles that compile and pass beats as much compute of ordinary rows.

Rejection sampling, one round (as RFT, arXiv 2308.01825), from weights that were trained before. Both arms go
on from them at low rates; what sampling costs is taken off the tokens trained on.
"""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

from training.ablations.arm import Arm, Claim, Result
from training.ablations.compute import forward_flops, tokens_for, training_flops, whole_steps
from training.ablations.gaps import gaps
from training.ablations.ordinary import ordinary_rows
from training.ablations.recipes import from_weights
from training.ablations.rows import draw, prepared, shuffled, tokenizer_of, training_documents, write_rows
from training.ablations.sampling import Samples, mixed, sample_all
from training.ablations.scores import completer
from training.ablations.setting import Setting
from training.ablations.training_arm import train_arm
from training.examples import ExampleWriter, pack
from training.row_format import ROW

SHARE = 0.25  # of the tokens of a run from random weights: these are few steps further


def _own(setting: Setting) -> Setting:
    """With the tokenizer that goes with the weights, and fewer tokens."""
    tokenizer = setting.begin_with / "tokenizer.json"
    return replace(setting, tokenizer=tokenizer, tokens=int(setting.tokens * SHARE))


def _ordinary(setting: Setting, seed: int, folder: Path) -> Result:
    setting = _own(setting)
    recipe = from_weights(setting, seed)
    tokens = whole_steps(setting.tokens, recipe.training.rows_per_step * ROW)
    flops = training_flops(recipe.config(), tokens)
    rows = folder / "data"
    data = prepared(setting, rows, lambda partial: write_rows(partial, *ordinary_rows(setting, seed)))
    return train_arm(setting, seed, folder, data, recipe, tokens, flops, begin_with=setting.begin_with)


def _samples(setting: Setting, seed: int, path: Path) -> Samples:
    tokenizer, rng = tokenizer_of(setting), random.Random(seed)
    documents = training_documents(setting.corpus, setting.manifest, seed)
    found = gaps(documents, ExampleWriter(tokenizer, rng), rng)
    with completer(setting.begin_with) as asked:
        return sample_all(path, found, setting.gaps, asked, tokenizer, seed)


def _executed(setting: Setting, seed: int, folder: Path) -> Result:
    setting = _own(setting)
    recipe = from_weights(setting, seed)
    config, step_tokens = recipe.config(), recipe.training.rows_per_step * ROW
    path = folder / "samples.json"
    samples = Samples.load(path)
    if not (folder / "data").exists():
        samples = _samples(setting, seed, path)
    sampling = forward_flops(config, samples.read + samples.written)
    budget = training_flops(config, whole_steps(setting.tokens, step_tokens))
    tokens = tokens_for(budget - sampling, training_flops(config, step_tokens), step_tokens)

    def make(partial: Path) -> None:
        ordinary = shuffled(draw(setting, seed), seed)
        examples = mixed(samples.examples(), ordinary, tokens + 2 * ROW, random.Random(seed))
        write_rows(partial, *pack(examples))

    data = prepared(setting, folder / "data", make)
    notes = {
        "gaps": samples.gaps, "gaps with doctests": samples.tested, "asked": samples.asked,
        "kept": len(samples.kept), "cost of sampling": sampling / budget,
    }  # fmt: skip
    flops = training_flops(config, tokens) + sampling
    begin = setting.begin_with
    return train_arm(setting, seed, folder, data, recipe, tokens, flops, begin_with=begin, notes=notes)


CLAIM = Claim("execution", Arm("further, ordinary", _ordinary), Arm("further, executed", _executed))
