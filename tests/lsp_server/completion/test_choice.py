"""What is shown where a gate objects, and what is seen of a growing text."""

import pytest

from lsp_server.completion.choice import Choice, Reveal, choose
from lsp_server.completion.gate import Gate
from lsp_server.completion.gates.verdict import Verdict
from lsp_server.syntax.site import survey
from tests.lsp_server.completion.cursor import at_cursor


def gate(source: str, language: str = "python") -> Gate:
    return Gate(survey(*at_cursor(source, language)))


def test_the_first_that_passes_is_chosen_and_the_objections_are_kept() -> None:
    unknown, broken = Verdict("name", "b", 0), Verdict("syntax", "a a", 0)
    at = gate("a = 1\nx = ‸\n")
    assert choose(at, ["a", "b"]) == Choice("a")
    assert choose(at, ["b", "a"]) == Choice("a", (unknown,))
    chosen = choose(at, ["b", "a a"])
    assert (chosen.text, chosen.verdicts[0], chosen.verdicts[1].gate) == ("", unknown, broken.gate)
    assert choose(at, []) == Choice("")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("b = a\n    c = b\n    return d", "b = a\n    c = b"),
        ("b = a\n    c = d\n    return b", "b = a"),
        ("b = d\n    return b", ""),
        # a line that ends in the midst of something is no place to stop
        ("b = a\n    c = (\n        d)", "b = a"),
    ],
)
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_of_several_lines_those_before_the_objection_stay(text: str, shown: str, newline: str) -> None:
    at = gate("def f(a):\n    ‸\n".replace("\n", newline))
    assert choose(at, [text.replace("\n", newline)]).text == shown.replace("\n", newline)


def test_code_is_seen_by_whole_lines_that_pass() -> None:
    reveal = Reveal(gate("def f(a):\n    ‸\n"))
    assert not reveal.grow("b = ")
    assert not reveal.grow("b = a")
    assert reveal.grow("b = a\n    c")
    assert reveal.seen == "b = a"
    assert not reveal.grow("b = a\n    c = d\n    e")
    assert reveal.seen == "b = a"


@pytest.mark.parametrize(("source", "language"), [("# a ‸", "python"), ("a ‸", "plaintext")])
def test_prose_is_seen_as_it_comes(source: str, language: str) -> None:
    reveal = Reveal(gate(source, language))
    assert not reveal.grow("")
    assert [reveal.grow(text) for text in ("wo", "word", "word")] == [True, True, False]
    assert reveal.seen == "word"
