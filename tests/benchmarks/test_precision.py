"""The gate that a precision has to pass: its arithmetic, and that a model passes against itself."""

from __future__ import annotations

import ast
import json
import math
import textwrap
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from benchmarks import precision
from benchmarks.precision import GREEDY, Measured, measure, score, table
from inference.models.load import load
from tests.inference.models.logits import behind

Maker = Callable[..., Path]


@pytest.fixture(scope="module")
def held_out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("corpus") / "heldout.jsonl"
    records = [
        {"source": "cpython", "path": f"{module.__name__}.py", "text": Path(module.__file__).read_text()}
        for module in (ast, textwrap)
    ]
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


@pytest.fixture(scope="module")
def model(make_model_dir: Maker) -> Path:
    return make_model_dir(hidden_size=64, head_dim=32, moe_intermediate_size=32)


def test_a_score_compares_window_by_window() -> None:
    base = Measured([2.0, 3.0], [[1, 2, 3], [4, 5], [6], [7]], 10.0)
    worse = Measured([2.01, 3.03], [[1, 2, 9], [4, 5], [6], [7]], 5.0)
    found = score("int8", worse, base)
    assert found.perplexity == pytest.approx(math.exp(2.52))
    assert found.perplexity_ratio == pytest.approx(math.exp(0.02))
    assert found.perplexity_ratio_error == pytest.approx(math.exp(0.02) * 0.01 / math.sqrt(2))
    assert (found.same, found.common) == (0.75, (2 + 2 + 1 + 1) / 4)


@pytest.mark.parametrize(
    ("name", "nll", "same", "passes"),
    [
        ("int8", 0.0049, 0.9, True),
        ("int8", 0.0051, 1.0, False),
        ("int8", 0.0, 0.8, False),
        ("int4", 0.0197, 0.0, True),
        ("int4", 0.0199, 1.0, False),
        ("bf16", 0.0, 1.0, True),
    ],
)
def test_bars(name: str, nll: float, same: float, passes: bool) -> None:
    base = Measured([1.0, 1.0], [[1]] * 10, 1.0)
    answers = [[1] if i < 10 * same else [2] for i in range(10)]
    found = score(name, Measured([1.0 + nll] * 2, answers, 1.0), base)
    assert found.passes == passes
    assert ("passes |" in table([found])) == passes


def test_likelihoods_and_greedy_tokens_are_the_models(model: Path, held_out: Path) -> None:
    loaded = load(model, "cpu", "native")
    options = Namespace(tokens=3 * precision.SCORED, prompts=4, seed=1)
    found = measure(*loaded, held_out, options)
    assert found == measure(*loaded, held_out, options)
    assert (len(found.nll), len(found.answers)) == (3, 4)
    assert all(1 <= len(answer) <= GREEDY for answer in found.answers)
    window = precision.draw_windows(loaded[1], held_out, 3, 1)[0]
    total = 0.0
    for at in range(1 + precision.CONTEXT, len(window)):
        logits = behind(loaded[0], loaded[0].new_sequence(), window[:at]).astype(np.float64)
        total -= logits[window[at]] - np.log(np.exp(logits).sum())
    # Computed in tiles, where there are any, which round activations to bfloat16; tokens one by one are not.
    assert found.nll[0] == pytest.approx(total / precision.SCORED, abs=0.02)


def test_too_short_a_corpus_is_told(model: Path, held_out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--model", str(model), "--corpus", str(held_out.parent), "--tokens", "10000000"]
    assert precision.main([*arguments, "--prompts", "2"]) == 1
    assert "windows of 256 tokens, 78125 are asked for" in capsys.readouterr().err
    assert precision.main(["--corpus", str(held_out.parent / "nowhere")]) == 1
    assert "nowhere" in capsys.readouterr().err
