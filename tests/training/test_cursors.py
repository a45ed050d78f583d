from __future__ import annotations

import json
from pathlib import Path

import pytest

from training.cursors import copied, draw_cursors, edit_similarity, languages_in
from training.jsonl import DataError


@pytest.mark.parametrize(
    ("prefix", "suffix", "expected"),
    [
        ("total = width * height\nother = wid", "", "th * height"),
        ("other = wid", "\ntotal = width * height\n", "th * height"),
        ("a = self.x + 1\nb = self.y + 2\nc = self.", "", "y + 2"),  # of two equally long, the nearer
        ("", "x", ""),
        ("q", "", ""),
    ],
)
def test_copying_continues_the_longest_match(prefix: str, suffix: str, expected: str) -> None:
    assert copied(prefix, suffix) == expected


@pytest.mark.parametrize(
    ("a", "b", "similarity"),
    [
        ("", "", 1.0),
        ("abc", "abc", 1.0),
        ("abc", "", 0.0),
        ("kitten", "sitting", 1 - 3 / 7),
        ("ab", "ba", 0.0),
    ],
)
def test_edit_similarity(a: str, b: str, similarity: float) -> None:
    assert edit_similarity(a, b) == pytest.approx(similarity)


def test_cursors_cut_a_line_of_code_and_remember_the_truth(tmp_path: Path) -> None:
    text = "# a comment\nimport os\n\n\ndef go(x):\n    value = os.path.join(x, 'a')  \n    return value\n"
    records = [
        {"source": "s", "path": "a.py", "text": text},
        {"source": "s", "path": "test_a.py", "text": "bad = 1\n"},
    ]
    held_out = tmp_path / "heldout.jsonl"
    held_out.write_text("".join(json.dumps(record) + "\n" for record in records))
    for kind in ("rest of line", "full line"):
        cursors = draw_cursors(held_out, 40, kind, seed=1)
        assert cursors == draw_cursors(held_out, 40, kind, seed=1)
        for cursor in cursors:
            line = cursor.prefix.split("\n")[-1] + cursor.truth
            assert any(line == original.rstrip() for original in text.split("\n"))
            assert cursor.truth and not line.lstrip().startswith("#")
            assert cursor.suffix.startswith("\n")
            if kind == "full line":
                assert cursor.prefix.split("\n")[-1].strip() == ""


@pytest.fixture
def held_out(tmp_path: Path) -> Path:
    texts = {
        ("a.py", "python"): "value = compute(1)\n# " + "x" * 40 + "\n",
        ("b.ts", "typescript"): "const value = 1;\n// " + "y" * 40 + "\n",
        ("c.rs", "rust"): "#[derive(Debug)]\n/// " + "z" * 40 + "\n",
    }
    records = [
        {"source": "s", "path": p, "text": text, "language": name} for (p, name), text in texts.items()
    ]
    records.append({"source": "s", "path": "old.py", "text": "import os.path\n"})
    path = tmp_path / "heldout.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


def test_cursors_are_of_one_language_and_its_comments_are_none(held_out: Path) -> None:
    assert languages_in(held_out) == ["python", "rust", "typescript"]

    def truths(language: str | None) -> set[str]:
        return {cursor.truth for cursor in draw_cursors(held_out, 60, "full line", 1, language)}

    assert truths("python") == {"value = compute(1)", "import os.path"}
    assert truths("typescript") == {"const value = 1;"}
    assert truths("rust") == {"#[derive(Debug)]"}
    assert len(truths(None)) == 4
    assert {c.language for c in draw_cursors(held_out, 5, "rest of line", 1, "rust")} == {"rust"}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "no file that is not a test, in python"),
        ('{"source": "s", "path": "a.py", "text": "# one\\n#two"}\n', "no line of code"),
        ('{"source": "s", "path": "a.py"}\n', "heldout.jsonl:1: field 'text' is missing"),
    ],
)
def test_a_corpus_without_lines_says_so(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "heldout.jsonl"
    path.write_text(content)
    with pytest.raises(DataError, match=message):
        draw_cursors(path, 1, "full line", 1)
