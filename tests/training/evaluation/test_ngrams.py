from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.evaluation.ngrams import Counts, LineNgrams, lex


@given(st.text())
def test_tokens_joined_are_the_text(text: str) -> None:
    assert "".join(lex(text)) == text


def test_probabilities_are_witten_bells() -> None:
    # a b a b a c: behind a stand b, b and c.
    counts = Counts([np.array([0, 1, 0, 1, 0, 2])])
    unigram = (np.array([3, 2, 1]) + 3 / 3) / (6 + 3)
    expected = (np.array([0, 2, 1]) + 2 * unigram) / (3 + 2)
    found = counts.probabilities(np.array([0]), np.arange(3), 3)
    assert found == pytest.approx(expected)
    assert found.sum() == pytest.approx(1)
    # A context never seen backs off to its end.
    assert counts.probabilities(np.array([2, 0]), np.arange(3), 3) == pytest.approx(expected)


def test_no_ngram_spans_two_runs() -> None:
    counts = Counts([np.array([0, 1]), np.array([2, 3])])
    assert list(counts.after(np.array([0]))[0]) == [1]
    assert len(counts.after(np.array([1]))[0]) == 0
    assert counts.known(np.array([5, 0])) == 1 and counts.known(np.array([1])) == 0


@pytest.mark.parametrize(
    ("prefix", "suffix", "expected"),
    [
        ("total = width * height\nother = wid", "", "th * height"),
        ("other = ", "\ntotal = width * height\n", "width * height"),
        ("a = b\n", "", ""),  # nothing was ever seen behind the line end but `a`, at the file's start
        ("", "", ""),
        ("q", "", ""),
        ("if x:\n    go(1)\nif y:\n    g", "", "o(1)"),
    ],
)
def test_a_line_goes_on_as_the_file_does(prefix: str, suffix: str, expected: str) -> None:
    assert LineNgrams().line(prefix, suffix) == expected


def test_training_texts_help_where_the_file_does_not() -> None:
    floor = LineNgrams(["import numpy as np\nimport torch\n", "import numpy as np\nx = 1\n"])
    assert floor.line("import nu", "\n") == "mpy as np"
    assert LineNgrams().line("import nu", "\n") == ""
    # What the file has seen twice goes first.
    assert floor.line("import numpy as numbers\n" * 2 + "import nu", "\n") == "mpy as numbers"
