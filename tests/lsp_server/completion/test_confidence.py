"""How much of a text is shown, by the probability of its lines."""

import math
from itertools import pairwise

import pytest

from inference.messages import Odds
from lsp_server.completion.confidence import Confidence, share_right
from lsp_server.completion.eagerness import Eagerness, Restraint
from lsp_server.syntax.site import survey
from tests.lsp_server.completion.cursor import at_cursor

LEVEL = Eagerness(line=0.2, further=0.5, pause=1.0, restraint=Restraint.BLOCKS)


@pytest.mark.parametrize(
    ("probability", "right"), [(0.0, 0.0), (0.1, 0.0), (0.2, 0.1), (0.25, 0.15), (0.5, 0.4), (1.0, 0.4)]
)
def test_odds_are_linear_between_points(probability: float, right: float) -> None:
    points = [Odds(0.1, 0.0), Odds(0.3, 0.2), Odds(0.5, 0.4)]
    assert share_right(points, probability) == pytest.approx(right)


def test_without_calibration_a_probability_is_taken_at_its_word() -> None:
    assert share_right([], 0.37) == 0.37


def lines(
    source: str, generated: str, probabilities: list[float], text: str = "", ended: bool = True
) -> int | None:
    """`probabilities` are those of the lines of `generated`, given the ones before."""
    snapshot, offset = at_cursor(source, "python")
    ends = [0]
    for line in generated.splitlines(keepends=True):
        ends.append(ends[-1] + len(line))

    def logprob(start: int, end: int) -> float:
        parts = zip(pairwise(ends), probabilities, strict=True)
        return sum(
            math.log(each) * max(0, min(end, high) - max(start, low)) / (high - low)
            for (low, high), each in parts
        )

    confidence = Confidence(survey(snapshot, offset), LEVEL, ())
    return confidence.num_lines(text or generated.rstrip(), generated, logprob, ended)


BLOCK = "def f(a):\n    ‸\n"


@pytest.mark.parametrize(
    ("probabilities", "kept"),
    [
        ([0.3, 0.6, 0.6], None),
        ([0.1, 0.9, 0.9], 0),
        ([0.3, 0.4, 0.9], 1),
        ([0.9, 0.9, 0.4], 2),
        ([0.3, 0.6, 0.51], None),
    ],
)
def test_a_block_ends_where_a_line_is_not_likely_enough(probabilities: list[float], kept: int | None) -> None:
    assert lines(BLOCK, "x = a\n    y = x\n    return y\n", probabilities) == kept


def test_lines_that_belong_together_are_cut_together() -> None:
    generated = "x = g(\n        a,\n    )\n    return x\n"
    assert lines(BLOCK, generated, [0.9, 0.4, 0.9, 0.9]) == 0
    assert lines(BLOCK, generated, [0.9, 0.6, 0.9, 0.9]) is None
    assert lines(BLOCK, generated, [0.9, 0.9, 0.9, 0.1]) == 3
    assert lines(BLOCK, 's = """\n    a\n    """\n', [0.9, 0.9, 0.1]) == 0
    assert lines("f(‸\n", "a,\n  b)\n", [0.9, 0.1]) == 1  # what was open before stays so


def test_a_line_that_has_not_ended_says_nothing_yet() -> None:
    assert lines(BLOCK, "x = a\n    y", [0.9, 0.01], ended=False) is None
    assert lines(BLOCK, "x = a\n    y", [0.9, 0.01]) == 1
    assert lines(BLOCK, "x = a\n    y", [0.1, 0.9], ended=False) == 0


def test_a_blank_that_is_left_out_moves_nothing() -> None:
    assert lines("x = ‸\n", "   a\n", [0.01], text="a") == 0
    assert lines("x = ‸\n", "   a\n", [0.3], text="a") is None


def test_only_what_is_shown_is_weighed() -> None:
    assert lines("f(‸)\n", "a, b)\n", [0.15], text="a, b") is None
    assert lines("f(‸)\n", "a, b)\n", [0.05], text="a, b") == 0
