"""The comparison of engines, with a stand-in for llama.cpp: what it measures, tells, and when it fails."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from benchmarks import engine_vs_llamacpp
from benchmarks.engine_vs_llamacpp import fastest, main
from benchmarks.peers.side import Timed
from benchmarks.random_model import write_random_model
from tests.benchmarks import llama_stand_ins

SMALL = {
    "hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "num_key_value_heads": 1,
    "head_dim": 32, "num_experts": 2, "num_experts_per_tok": 1, "moe_intermediate_size": 32,
}  # fmt: skip


def test_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setitem(sys.modules, "llama_cpp", llama_stand_ins.llama_cpp())
    monkeypatch.setattr(engine_vs_llamacpp, "DECODED", 2)
    write_random_model(tmp_path, SMALL)
    arguments = ["--model", str(tmp_path), "--threads", "1", "--rounds", "2", "--micro-batches", "512"]
    assert main([*arguments, "--binding", "llama_cpp", "--no-transformers", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [(row["side"], row["same"], row["widest"]) for row in told["texts"]] == [
        ("llama.cpp, flash attention", 5, 0.0),
        ("llama.cpp, plain attention", 5, 0.0),
    ]
    assert [(row["what"], row["precision"]) for row in told["rows"][::2]] == [
        ("a token behind 1", "bf16"), ("a token behind 1,024", "bf16"), ("a prompt of 1,500", "bf16"),
    ]  # fmt: skip
    for row in told["rows"]:
        assert row["ratio"]["low"] <= row["ratio"]["median"] <= row["ratio"]["high"]
        assert row["ours_ms"]["low"] > 0


def test_without_llama_cpp_it_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(engine_vs_llamacpp, "BINDINGS", {"no_such_binding": object})
    assert main([]) == 1
    assert "pip install llama-cpp-python" in capsys.readouterr().err


class Slow:
    def __init__(self, name: str, took: float) -> None:
        self.name, self.took, self.closed = name, took, False

    def run(self, prompt: list[int], count: int, fresh: bool) -> Timed:
        assert fresh
        return Timed([1], self.took, 0.0)

    def close(self) -> None:
        self.closed = True


def test_the_fastest_stays_and_the_others_are_closed() -> None:
    sides = [Slow("a", 3.0), Slow("b", 1.0), Slow("c", 2.0)]
    best = fastest([lambda side=side: side for side in sides], [1])
    assert best.name == "b"
    assert [side.closed for side in sides] == [True, False, True]
