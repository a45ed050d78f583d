"""The comparison with llama.cpp's server, with a stand-in for it: what is asked, taken and told."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from benchmarks import keystroke_vs_peers
from benchmarks.editor import WorkerError
from benchmarks.keystroke_vs_peers import CARD, NEW_TOKENS, Turn, halves, main, summarise, table, widened
from benchmarks.turns import Spread
from tests.own_home import own_home


def test_a_file_is_cut_before_a_method_of_its_second_half() -> None:
    text = "class A:\n    def a(self): ...\n\n    def b(self): ...\n"
    assert halves(text) == ("class A:\n    def a(self): ...\n\n", "\n    def b(self): ...\n")
    with pytest.raises(WorkerError, match="no method in its second half"):
        halves("class A:\n    def a(self): ...\n" + "x = 1\n" * 20)


def test_the_widened_checkpoint_is_the_same_but_for_its_card(tiny_model_dir: Path, tmp_path: Path) -> None:
    copy = widened(tiny_model_dir, tmp_path)
    assert (copy / "model.safetensors").samefile(tiny_model_dir / "model.safetensors")
    card = json.loads((copy / "card.json").read_text())
    assert card == json.loads((tiny_model_dir / "card.json").read_text()) | CARD


def test_ratios_are_taken_turn_by_turn() -> None:
    turns = [Turn(10.0, 5.0, 1500, 6, 16, {"x": 30.0}), Turn(20.0, 5.0, 1501, 6, 16, {"x": 20.0})]
    report = summarise([*turns, turns[0]], 1)
    assert report.ratio == {"x": Spread(3.0, 1.0, 3.0)}
    assert report.prompt_tokens == Spread(1500, 1500, 1501)
    assert "| x over HTTP, ms | 30.00 (20.00–30.00) | 3.00 (1.00–3.00) |" in table(report).splitlines()
    with pytest.raises(WorkerError, match="nothing was shown"):
        summarise([], 1)


class StandIn:
    """A server that keeps what it is asked."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []

    def complete(self, asked: dict[str, Any]) -> dict[str, Any]:
        self.asked.append(asked)
        return {}


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No log of the user's is touched; and a card that leaves room in small models."""
    with own_home() as environment:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(keystroke_vs_peers, "CARD", {"prefix_tokens": 96})
        yield


@pytest.mark.usefixtures("home")
def test_a_run(
    make_scripted_model: Callable[[str], Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    peers: list[StandIn] = []

    @asynccontextmanager
    async def stand_in(*_: object) -> Any:
        peers.append(StandIn())
        yield peers[-1]

    monkeypatch.setattr(keystroke_vs_peers, "llama_server", stand_in)
    source = tmp_path / "a.py"
    source.write_text("x = 1\n" * 40 + "\nclass A:\n    def a(self):\n        return 1\n")
    model = make_scripted_model(" self.name\n")
    assert main([str(source), "--model", str(model), "--turns", "2", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["turns"] == 2
    assert set(told["ratio"]) == {"llama-server, flash attention", "llama-server, plain attention"}
    for peer in peers:
        assert len(peer.asked) == 3
        assert len({tuple(asked["prompt"]) for asked in peer.asked}) == 3
        assert all(0 < asked["n_predict"] <= NEW_TOKENS + 1 for asked in peer.asked)


@pytest.mark.usefixtures("home")
def test_a_server_that_does_not_start_is_told(
    tiny_model_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(b"GGUF")
    assert main(["--model", str(tiny_model_dir), "--gguf", str(broken)]) == 1
    assert "llama.cpp's server did not start" in capsys.readouterr().err
