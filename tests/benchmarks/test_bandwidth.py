"""The rate of decoding beside that of reading: which bytes count, and that all are read."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from benchmarks import bandwidth
from benchmarks.bandwidth import compiled, measure, reader, table, token_bytes
from inference.models.description import describe
from inference.models.native_model import NativeModel
from inference.models.native_weights import native_weights
from kernels.cpu import native

Maker = Callable[..., Path]


@pytest.fixture(scope="module")
def model(make_model_dir: Maker) -> Path:
    return make_model_dir(
        hidden_size=64, head_dim=32, moe_intermediate_size=32, num_experts=8, num_experts_per_tok=2
    )


def test_of_the_experts_only_the_chosen_ones_count(model: Path) -> None:
    config = describe(model).config
    context = NativeModel(model, config, "m", threads=1).context_length
    weights = native_weights(model, config, context, native(), "bf16")
    layers, hidden, size = config.num_layers, config.hidden_size, config.expert_size
    experts = layers * config.experts_per_token * 3 * hidden * size
    heads = (config.num_heads * 2 + 2 * config.num_kv_heads) * config.head_dim
    matrices = experts + layers * hidden * heads + hidden * config.vocab_size
    floats = layers * (2 * hidden + 2 * config.head_dim + hidden * config.num_experts) + hidden
    rotation = 2 * config.head_dim  # at most: a row of cosines and one of sines
    assert 2 * matrices + 4 * floats <= token_bytes(weights, config) <= 2 * matrices + 4 * (floats + rotation)


@pytest.mark.skipif(shutil.which("c++") is None, reason="the reader is compiled")
def test_every_word_is_read(tmp_path: Path) -> None:
    read = compiled(tmp_path)
    words = np.zeros(4096, np.uint64)
    for place in (0, 1, 1023, 1024, 2500, 4095):
        words[place] = 1 << place % 64
        assert read(words.ctypes.data, len(words)) == 1 << place % 64
        words[place] = 0


@pytest.mark.skipif(shutil.which("c++") is None, reason="the reader is compiled")
def test_a_reader_that_saw_something_else_is_an_error(tmp_path: Path) -> None:
    words = np.ones(8192, np.uint64)
    with ThreadPoolExecutor(2) as pool:
        again = reader(words, 2, pool, tmp_path)
        assert again() > 0
        words[:] = 3
        with pytest.raises(OSError, match=r"read\.cpp read \[3, 3\]"):
            again()


@pytest.mark.skipif(shutil.which("c++") is None, reason="the reader is compiled")
def test_the_share_is_of_the_same_turn(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bandwidth, "READ_BYTES", 1 << 20)
    report = measure(model, "int8", threads=1, rounds=2, folder=tmp_path)
    assert 0 < report.share.low <= report.share.median <= report.share.high
    assert report.decode_gb_s.low / report.read_gb_s.high <= report.share.low
    assert "int8" in table(report)
    assert bandwidth.main(["--model", str(model), "--threads", "1", "--rounds", "1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["precision"] == "bf16"


def test_a_model_that_is_not_there_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bandwidth.main(["--model", str(tmp_path / "none")]) == 1
    assert capsys.readouterr().err.startswith("bandwidth: ")
