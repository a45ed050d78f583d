from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from training.run_log import RunLog

FIGURES = {"balance": 1.0, "busiest": 0.25, "grad_norm": 0.5, "lr": 1.0}


def tell(folder: Path, steps: int, matrix_rate: float | None = None) -> None:
    """Of steps that cost 1e12 operations and take a second, 1,000 tokens each; the loss is their number."""
    with RunLog(folder, 60, 1000, matrix_rate) as log:
        for step in range(1, steps + 1):
            held_out = {"middle": 2.5} if step == 20 else {}
            log.step(step, float(step), 1.0, 1e12, {**FIGURES, "loss": float(step)}, held_out)


def test_a_line_every_20_steps_is_of_the_steps_since_the_last(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tell(tmp_path, 45, 4e12)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[1] for line in lines] == ["20/60", "40/60"]
    assert "loss 30.500" in lines[1]
    assert "1.0 TFLOP/s (25% of the matrix rate)" in lines[1]
    assert lines[1].endswith("0.3 min left  held-out middle 2.500"), "the last that was measured"
    records = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [record["step"] for record in records] == [20, 40]
    assert records[0]["held_out"] == {"middle": 2.5}
    assert "held_out" not in records[1]
    assert (records[1]["loss"], records[1]["rate_share"], records[1]["tokens_per_s"]) == (30.5, 0.25, 1000)


def test_without_a_measured_rate_there_is_no_share(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tell(tmp_path, 20)
    assert "1.0 TFLOP/s  0.7 min left" in capsys.readouterr().out
    assert "rate_share" not in (tmp_path / "log.jsonl").read_text()


def test_a_terminal_shows_every_step_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setattr("shutil.get_terminal_size", lambda: os.terminal_size((40, 24)))
    tell(tmp_path, 22)
    kept, rest = capsys.readouterr().out.split("\n", 1)
    shown = [line.removesuffix("\x1b[K") for line in kept.split("\r")[1:]]
    assert [line.split()[1] for line in shown] == [f"{step}/60" for step in range(1, 21)]
    assert {len(line) for line in shown[:-1]} == {39}, "or it would leave a line behind"
    assert shown[-1].endswith("held-out middle 2.500")
    assert rest.count("\r") == 2
    assert rest.endswith("\n"), "what follows stands in a line of its own"


def test_it_goes_on_in_the_same_log(tmp_path: Path) -> None:
    tell(tmp_path, 20)
    tell(tmp_path, 20)
    assert len((tmp_path / "log.jsonl").read_text().splitlines()) == 2
