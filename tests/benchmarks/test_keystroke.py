"""The keystroke benchmark: its arithmetic, and a short run of it as a process."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks import keystroke
from benchmarks.editor import Shown
from benchmarks.keystroke import (
    Latency,
    Reuse,
    Run,
    Span,
    Typed,
    draw,
    indentation,
    new_lines,
    summarise,
    table,
)
from benchmarks.memory import Memory
from benchmarks.percentile import Summary

Process = Callable[..., subprocess.CompletedProcess[str]]
TEXT = "import os\n\nx = 1\n    total = first + second\n\f\nprint(total, 'a\u2028b')  \n"


def test_spans_are_ends_of_lines_and_the_same_for_a_seed() -> None:
    spans = draw(TEXT, 3, length=12, seed=5)
    assert spans == draw(TEXT, 3, length=12, seed=5)
    assert len(set(spans)) == 3
    for span in spans:
        assert 8 <= span.end - span.start <= 12
        assert TEXT[span.end : span.end + 1] in "\n \u2028"
        assert "\n" not in TEXT[span.start : span.end]


def test_a_span_does_not_take_the_indentation() -> None:
    assert draw("    short_name\n", 1, length=40, seed=0) == [Span(4, 14)]


def test_too_few_lines_are_refused() -> None:
    with pytest.raises(ValueError, match="has 0 lines to type in, 1 are asked for"):
        draw("x\n", 1, length=9, seed=0)


@pytest.mark.parametrize(
    ("values", "median", "p95"),
    [
        ([], 0.0, 0.0),
        ([7.0], 7.0, 7.0),
        ([3.0, 1.0, 2.0], 2.0, 3.0),
        (list(map(float, range(1, 101))), 50.0, 95.0),
    ],
)
def test_summary_is_by_nearest_rank(values: list[float], median: float, p95: float) -> None:
    assert Summary.of(values) == Summary(len(values), median, p95)


def test_summarise_counts_each_keystroke_once_and_tells_where_its_text_came_from() -> None:
    numbers = {"prompt_tokens": 100, "cached_tokens": 98, "total_ms": 40.0, "ttft_ms": 20.0}
    warm = [
        Shown("a", 25.0, 45.0, numbers, 41.0, "eot", "model"),
        Shown("b", 35.0, 36.0, numbers, 34.0, "aborted", "model"),
        Shown("c", 5.0, 6.0, numbers, 3.0, "eot", "adopted"),
        Shown("d", 1.0, 2.0, dict.fromkeys(numbers, 0), 0.0, "", "recent"),
        Shown("", None, 3.0, None),
        Shown("", None, 90.0, None, overtaken=True),
    ]
    cold = Shown("c", 90.0, 95.0, {**numbers, "cached_tokens": 0}, 85.0, "eot", "model")
    new_line = Shown("d", 35.0, 36.0, {**numbers, "cached_tokens": 80}, 34.0, "aborted", "model")
    typed = [Typed(cold, warm[:2], warm[2:3]), Typed(cold, warm[3:], [new_line])]
    report = summarise(Run(Path("f.py"), 1), "m", typed, Memory(50.0, 300.0))
    assert (report.keystrokes, report.shown, report.silent, report.overtaken) == (7, 5, 1, 1)
    assert report.every.first_text_ms == Summary(5, 25.0, 35.0)
    assert report.asked == Latency(Summary(3, 35.0, 35.0), Summary(3, 36.0, 45.0))
    assert report.adopted == Latency(Summary(1, 5.0, 5.0), Summary(1, 6.0, 6.0))
    assert report.recent == Latency(Summary(1, 1.0, 1.0), Summary(1, 2.0, 2.0))
    assert report.overhead_ms == Summary(3, 2.0, 4.0)
    assert report.silent_reply_ms == Summary(1, 3.0, 3.0)
    assert report.cold_ms == Summary(2, 90.0, 90.0)
    assert report.reused_on_line == Reuse(2, pytest.approx(0.98))
    assert report.reused_across_lines == Reuse(1, pytest.approx(0.8))
    lines = table(report).splitlines()
    assert "| keystroke → first ghost text, ms | 5 | 25.0 | 35.0 |" in lines
    assert "| … where the model was asked | 3 | 35.0 | 35.0 |" in lines
    assert "| of it, all but the worker, ms | 3 | 2.0 | 4.0 |" in lines
    assert lines[2].startswith("7 keystrokes, 5 with text, 1 without, 1 overtaken; ")
    assert "98.0% (2 requests) on a line, 80.0% (1 requests) across lines" in lines[2]


@pytest.mark.parametrize(
    ("text", "blanks"), [("if x:\n\n    y\n", "    "), ("x\r\ny\n", ""), ("x", ""), ("x\n\ty", "\t")]
)
def test_a_new_line_is_indented_as_the_next_one(text: str, blanks: str) -> None:
    assert indentation(text, len(text.splitlines()[0])) == blanks


def test_new_lines_are_those_of_the_file() -> None:
    text = "a = 1\nif b:\n    c = 2\n\nd = 3\n"
    typed = list(new_lines(text, Span(0, 5), ["if b:", "    c = 2", ""]))
    assert typed == [("\n", "if b:"), ("\n    ", "c = 2"), ("\n", ""), ("\n", "")]


def test_a_table_of_nothing_has_no_numbers() -> None:
    report = summarise(Run(Path("f.py"), 1), "m", [], Memory(50.0, 300.0))
    assert "| keystroke → first ghost text, ms | 0 | - | - |" in table(report)


@pytest.mark.parametrize("options", [(), ("--no-reuse", "--lines", "3"), ("--rate", "50")])
def test_a_run_reports_both_processes(
    make_scripted_model: Callable[[str], Path], run: Process, tmp_path: Path, options: tuple[str, ...]
) -> None:
    typed = tmp_path / "comments.py"  # no gate reads what is said in them
    typed.write_text("".join(f"# line {number} of those that say little\n" for number in range(60)))
    arguments = [str(typed), "--spans", "1", "--length", "8", "--json", *options]
    benchmark = run("keystroke", *arguments, "--model", str(make_scripted_model(" self.name\n")))
    assert benchmark.returncode == 0, benchmark.stderr
    told = json.loads(benchmark.stdout)
    keys = 8 + (3 if "--lines" in options else 1)
    assert told["keystrokes"] == keys
    assert told["shown"] + told["silent"] + told["overtaken"] == keys
    sources = [told[source]["reply_ms"]["count"] for source in ("asked", "adopted", "recent")]
    assert sum(sources) == told["every"]["reply_ms"]["count"] == told["shown"]
    if "--rate" not in options:
        assert told["overtaken"] == 0
        assert told["shown"] > 0
    if "--no-reuse" in options:
        assert sources == [told["shown"], 0, 0]
    if sources[0]:
        assert told["overhead_ms"]["count"] == sources[0]
        assert 0 < told["overhead_ms"]["median"] < told["asked"]["reply_ms"]["median"]
        assert told["asked"]["first_text_ms"]["median"] > 0
        reuse = [told["reused_on_line"], told["reused_across_lines"]]
        assert sum(each["count"] for each in reuse) == sources[0]
        assert all(0 < each["share"] < 1 for each in reuse if each["count"])
    assert told["memory"]["server_mib"] > 10
    assert told["memory"]["worker_mib"] > 10


def test_a_file_that_is_not_there_is_told(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert keystroke.main([str(tmp_path / "missing.py")]) == 1
    assert "missing.py" in capsys.readouterr().err
