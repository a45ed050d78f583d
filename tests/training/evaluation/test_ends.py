from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from inference.engine import Engine
from inference.models.load import load
from training.cursors import Cursor
from training.evaluation.completer import Completer
from training.evaluation.ends import draw_spans, end_of_middle, share_ended
from training.true_text import Choice, TrueText


@pytest.fixture
def held_out(tmp_path: Path) -> Path:
    text = "def area(width, height):\n    return round(width * height, 2) + offset[0]\n"
    path = tmp_path / "heldout.jsonl"
    path.write_text(json.dumps({"source": "a", "path": "a.py", "text": text}) + "\n")
    return path


def test_spans_end_inside_their_line_and_behind_a_word_or_sign(held_out: Path) -> None:
    spans = draw_spans(held_out, 80, seed=1)
    assert spans == draw_spans(held_out, 80, seed=1)
    for span in spans:
        assert span.truth.strip() and "\n" not in span.truth
        rest = span.suffix.split("\n")[0]
        assert rest.strip(), "the line goes on"
        assert not span.truth[-1].isspace()
        assert not (span.truth[-1].isalnum() and rest[0].isalnum()), "no word is cut at the end"


def test_closed_spans_leave_brackets_and_quotes(tmp_path: Path) -> None:
    text = 'x = 1 + 2\nparts = split(text, ",")\nreturn {"a": [b]}\n'
    path = tmp_path / "heldout.jsonl"
    path.write_text(json.dumps({"source": "a", "path": "a.py", "text": text}) + "\n")
    spans = draw_spans(path, 60, seed=1, closed=True)
    rests = {span.suffix.split("\n")[0] for span in spans}
    assert rests == {'")', ")", "]}", "}"}


def test_shares_of_ends() -> None:
    ends = Choice(ends=True, ends_line=False, is_last=False)
    goes_on = Choice(ends=False, ends_line=False, is_last=False)
    breaks = Choice(ends=False, ends_line=True, is_last=False)
    scripts = {
        "right": [goes_on, ends],
        "late": [goes_on, goes_on],
        "early": [ends, ends],
        "break": [goes_on, breaks],
    }

    def choices(cursor: Cursor) -> Iterator[Choice]:
        return iter(scripts[cursor.path])

    inside = [Cursor("s", name, "", ")\n", "x") for name in scripts]
    score = share_ended(choices, inside, "")
    assert score == {"cursors": 4, "there": 0.5, "not_before": 0.75, "right": 0.25}
    at_end = [Cursor("s", name, "", "\nx", "x") for name in scripts]
    assert share_ended(choices, at_end, "")["right"] == 0.5, "a line end ends a line as well"


def test_the_likeliest_end_is_where_the_engine_ends(make_scripted_model: Callable[[str], Path]) -> None:
    """Along the model's own greedy text, nothing ends before its end, and that does."""
    model, tokenizer, card = load(make_scripted_model("\n    return x"), "cpu")
    cursor = Cursor("s", "p", "def f(x):", "\n", "\n    return x")
    answer = Completer(Engine(model, tokenizer, card)).block(cursor.prefix, (), 20)
    assert answer == cursor.truth
    *before, last = TrueText(model, tokenizer, card).choices(cursor)
    assert before and not any(choice.ends for choice in before)
    assert before[0].ends_line and last.ends and last.is_last
    assert not any(choice.is_last for choice in before)


def test_a_random_model_has_figures(tiny_model_dir: Path, held_out: Path) -> None:
    reader = TrueText(*load(tiny_model_dir, "cpu"))
    scores = end_of_middle(reader.choices, held_out, 3, seed=1)
    for score in scores.values():
        assert score["cursors"] == 3
        assert 0 <= score["right"] <= min(score["there"], score["not_before"]) <= 1
