"""The benchmark of a worker's start: its table, and one start of a worker as a process."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

from benchmarks.start import Start, table

Run = Callable[..., subprocess.CompletedProcess[str]]


def test_the_table_has_medians() -> None:
    starts = [Start(100.0, 200.0, 300.0, 250.0), Start(1.0, 2.0, 3.0, 4.0), Start(10.0, 20.0, 30.0, 40.0)]
    assert table(starts).splitlines()[2:] == [
        "| listens | 10 | 100 |",
        "| model ready | 20 | 200 |",
        "| first text | 30 | 300 |",
        "| processor time to the first text | 40 | 250 |",
    ]


def test_a_worker_is_started_and_timed(make_scripted_model: Callable[[str], Path], run: Run) -> None:
    benchmark = run("start", "--runs", "1", "--json", "--model", str(make_scripted_model("name\n")))
    assert benchmark.returncode == 0, benchmark.stderr
    (told,) = json.loads(benchmark.stdout)
    assert 0 < told["listens"] < told["ready"] <= told["first_text"]
    assert told["processor"] > 0


def test_a_worker_that_does_not_start_is_told(run: Run) -> None:
    benchmark = run("start", "--runs", "1", "--model", "/no/such/model")
    assert (benchmark.returncode, benchmark.stdout) == (1, "")
    assert benchmark.stderr.startswith("start: ")
