"""The figures of what gates stop, over a corpus of one file."""

import json
import sys
from pathlib import Path

import pytest

from benchmarks import gates
from inference.messages import Alternative, Statistics
from inference.request import DoneEvent, Event, Request, TextEvent
from training.cursors import draw_cursors

SOURCE = "def total(items):\n    count = len(items)\n    return sum(items) / count\n"


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    record = {"source": "someone/project", "path": "total.py", "language": "python", "text": SOURCE * 3}
    (tmp_path / "heldout.jsonl").write_text(json.dumps(record) + "\n", encoding="utf-8")
    return tmp_path


class Scripted:
    """Gives every request the same answer and the same others."""

    def __init__(self, text: str, *others: str) -> None:
        self.text, self.others = text, others
        self.has_work = False

    def submit(self, request: Request) -> None:
        self.has_work, self.key = True, request.key

    def abort(self, key: int) -> None:
        assert key == self.key

    def step(self) -> list[Event]:
        self.has_work = False
        statistics = Statistics(1, 0, 1, 0.0, 0.0, 0.0, 0.0)
        others = tuple(Alternative(text, -1.0) for text in self.others)
        return [TextEvent(self.key, self.text), DoneEvent(self.key, "eot", statistics, others)]


def test_true_lines_pass(
    corpus: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(
        sys, "argv", ["gates", "--corpus", str(corpus), "--true", "--cursors", "20", "--json"]
    )
    assert gates.main() == 0
    told = json.loads(capsys.readouterr().out)
    for kind in ("rest of line", "full line"):
        assert told[kind]["completions"] == told[kind]["right"] == 20
        assert told[kind]["fired"] == {}
        assert told[kind]["stopped"] == []


def test_what_is_stopped_is_told_with_what_would_be_shown(corpus: Path) -> None:
    cursors = draw_cursors(corpus / "heldout.jsonl", 40, "full line", 1)
    [cursor] = [one for one in cursors if one.truth.startswith("return")][:1]
    engine = Scripted("return sum(things)", "return sum(stuff)", cursor.truth)
    row = gates.model_row(engine, cursor, 1)  # type: ignore[arg-type]  # all of an engine that is asked
    assert row is not None
    assert (row.gate, row.objection, row.cut) == ("name", "things", "return sum(")
    assert row.others == (cursor.truth,)
    assert (row.right, row.next_is_right, row.cut_is_right) == (False, True, True)
    figures = gates.report([row, row])
    assert (figures["fired"], figures["right_but_stopped"]) == ({"name": 2}, 0)
    assert (figures["has_next"], figures["next_is_right"], figures["cut_is_right"]) == (2, 2, 2)


def test_an_answer_that_says_nothing_is_no_completion(corpus: Path) -> None:
    [cursor] = draw_cursors(corpus / "heldout.jsonl", 1, "full line", 1)
    assert gates.model_row(Scripted(" "), cursor, 1) is None  # type: ignore[arg-type]  # as above


def test_a_corpus_that_is_not_there_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["gates", "--corpus", str(tmp_path), "--true"])
    assert gates.main() == 1
    assert "heldout.jsonl" in capsys.readouterr().err
