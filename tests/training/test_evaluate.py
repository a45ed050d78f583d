"""The whole command, with a random model on a corpus of two small files."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.training.infilling_problem import PROBLEM
from training.evaluate import main


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    text = "".join(f"def area_{i}(width, height):\n    return width * height + {i}\n\n\n" for i in range(12))
    records = [
        {"source": "a", "path": "a.py", "text": text},
        {"source": "b", "path": "b.go", "text": text.replace("def", "func"), "language": "go"},
    ]
    (tmp_path / "heldout.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    return tmp_path


def evaluate(corpus: Path, model: Path, monkeypatch: pytest.MonkeyPatch, *options: str) -> dict[str, Any]:
    scores = corpus / "scores.json"
    argv = ["evaluate", "--model", str(model), "--corpus", str(corpus), "--json", str(scores), *options]
    monkeypatch.setattr(sys, "argv", argv)
    assert main() == 0
    result: dict[str, Any] = json.loads(scores.read_text())
    return result


def test_bits_and_lines(
    corpus: Path, tiny_model_dir: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--cursors", "3", "--only", "bits", "--only", "lines"]
    result = evaluate(corpus, tiny_model_dir, monkeypatch, *options)
    assert result["model"] == "tiny"
    assert 1 < result["bits_per_byte"] < 40
    for kind in ("rest of line", "full line"):
        assert result[kind]["cursors"] == len(result[kind]["rows"]) == 3
        assert {row["path"] for row in result[kind]["rows"]} == {"a/a.py"}, "the headline is Python's"
    captured = capsys.readouterr()
    assert "bits per byte" in captured.out and "rest of line, 3 cursors" in captured.out
    assert captured.err == "", "progress is for terminals"


def test_the_other_measures(
    corpus: Path, tiny_model_dir: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (corpus / "infilling.jsonl").write_text(json.dumps(PROBLEM) + "\n")
    (corpus / "train.jsonl").write_text(json.dumps({"text": "import os\n"}) + "\n")
    sizes = ["--language-cursors", "2", "--ends", "2", "--words", "2", "--typing", "1", "--ngram-mb", "1"]
    chosen = ["languages", "ends", "words", "typing", "benchmarks"]
    only = [option for measure in chosen for option in ("--only", measure)]
    benchmark = ["--humaneval", str(corpus / "infilling.jsonl"), "--best-of", "2"]
    result = evaluate(corpus, tiny_model_dir, monkeypatch, *sizes, *only, *benchmark)
    assert "rest of line" not in result and "bits_per_byte" not in result
    assert set(result["languages"]) == {"go"}
    assert result["languages"]["go"]["full line"]["cursors"] == 2
    assert result["end of middle"]["inside a line"]["cursors"] == 2
    assert result["inside a word"]["pairs"] == 2
    assert result["typing"]["lines"] == 1
    assert result["humaneval"]["problems"] == len(result["humaneval"]["best_of"]["rows"]) == 1
    printed = capsys.readouterr().out
    for text in ("go ", "ends where it belongs", "inside a word", "typing 1 lines", "best of 2"):
        assert text in printed


@pytest.mark.parametrize("option", ["--typing", "--cursors", "--best-of"])
def test_a_measure_of_nothing_is_refused(
    option: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["evaluate", "--corpus", str(tmp_path), option, "0"])
    with pytest.raises(SystemExit):
        main()
    assert f"{option} must be at least 1" in capsys.readouterr().err


def test_a_wrong_corpus_is_named(
    tmp_path: Path, tiny_model_dir: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    argv = ["evaluate", "--model", str(tiny_model_dir), "--corpus", str(tmp_path / "no"), "--only", "lines"]
    monkeypatch.setattr(sys, "argv", argv)
    assert main() == 1
    assert "no/heldout.jsonl: there is no such file" in capsys.readouterr().err
