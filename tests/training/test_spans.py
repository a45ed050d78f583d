from __future__ import annotations

import random
from collections import Counter

import pytest

from training.outline import line_starts
from training.spans import MIX, Span, closers, draw_span
from training.syntax import Syntax

PYTHON = "def area(width):\n    # product\n" + "    total = max(width, '高') * height\n" * 100
GO = "package main\n\nfunc main() {\n" + '\tfmt.Println("größe", area(3, 4))\n' * 100 + "}\n"


def draw(text: str, language: str, count: int) -> list[Span]:
    starts, syntax, rng = line_starts(text), Syntax(text, language), random.Random(1)
    lines = [number for number, line in enumerate(text.split("\n")) if len(line.strip()) >= 4]
    return [draw_span(rng, text, starts, rng.choice(lines), syntax) for _ in range(count)]


def test_spans_lie_in_the_text_and_begin_in_their_line() -> None:
    starts, syntax, rng = line_starts(PYTHON), Syntax(PYTHON, "python"), random.Random(1)
    for _ in range(2000):
        line = rng.randrange(len(starts) - 1)
        span = draw_span(rng, PYTHON, starts, line, syntax)
        assert starts[line] <= span.end <= len(PYTHON)
        assert starts[line] <= span.start <= starts[line + 1]


@pytest.mark.parametrize(("text", "language"), [(PYTHON, "python"), (GO, "go")])
def test_nodes_come_whole_in_part_and_before_their_closer(text: str, language: str) -> None:
    spans = draw(text, language, 4000)
    nodes = Counter(text[span.start : span.end] for span in spans if span.kind == "node")
    call = {"python": "max(width, '高')", "go": 'fmt.Println("größe", area(3, 4))'}[language]
    inside = {"python": "width, '高'", "go": '"größe", area(3, 4)'}[language]
    string = {"python": "高", "go": "größe"}[language]
    assert call in nodes
    assert nodes[inside] > nodes[f"({inside})"] > 0
    assert nodes[string] > 0, "behind the quote, before the other"
    assert any(len(node) < len(inside) and inside.endswith(node) for node in nodes), "from a cursor inside"


def test_kinds_are_drawn_as_often_as_they_should_be() -> None:
    spans = draw(GO, "go", 4000)
    shares = Counter(span.kind for span in spans)
    for kind in ("full line", "lines", "run"):
        assert shares[kind] / 4000 == pytest.approx(MIX[kind], abs=0.03)
    assert shares["node"] / 4000 > 0.8 * MIX["node"]


def test_without_a_grammar_a_node_is_the_rest_of_its_line() -> None:
    kinds = {span.kind for span in draw(PYTHON, "markdown", 1000)}
    assert kinds == set(MIX) - {"node"}


def test_a_quarter_of_the_spans_that_end_a_line_take_the_line_end() -> None:
    spans = [span for span in draw(PYTHON, "python", 4000) if span.kind in ("rest of line", "full line")]
    taken = sum(PYTHON[span.end - 1] == "\n" for span in spans)
    assert taken / len(spans) == pytest.approx(0.25, abs=0.05)


@pytest.mark.parametrize(
    ("node", "sizes"),
    [
        ("(a, b)", (1, 1)),
        ("[]", (1, 1)),
        ("'it'", (1, 1)),
        ('rb"""it"""', (5, 3)),
        ('f"{a}"', (2, 1)),
        ("(a) + (b)", (0, 0)),
        ("'a' + 'b'", (0, 0)),
        ("(a", (0, 0)),
        ("'", (0, 0)),
        ("name", (0, 0)),
    ],
)
def test_closers(node: str, sizes: tuple[int, int]) -> None:
    assert closers(node) == sizes
