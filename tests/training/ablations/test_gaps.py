from __future__ import annotations

import random

import pytest
from tokenizers import Tokenizer

from training.ablations.gaps import function_lines, gap_of, gaps, passes_doctests
from training.documents import Document
from training.examples import Example, ExampleWriter

DOUBLE = 'def double(number):\n    """\n    >>> double(4)\n    8\n    """\n    return number * 2\n'


@pytest.mark.parametrize(
    ("program", "fine"),
    [
        (DOUBLE, True),
        (DOUBLE.replace("* 2", "* 3"), False),
        (DOUBLE.replace("* 2", "* ("), False),
        (DOUBLE.replace(">>> ", ""), False),  # nothing is tested
        (DOUBLE + "\nif __name__ == '__main__':\n    input()\n", True),  # it is not run as a program
        ("from __future__ import annotations\n" + DOUBLE, True),
        ("import no_such_module\n" + DOUBLE, False),
    ],
)
def test_doctests_decide(program: str, fine: bool) -> None:
    assert passes_doctests(program) is fine


def test_lines_of_functions() -> None:
    text = "x = 1\nclass A:\n    def f(self):\n        return 1\n\n    y = '\\d'\nasync def g():\n    pass\n"
    assert function_lines(text) == {3, 4, 7, 8}


def example(text: str, middle: str, kind: str = "rest of line") -> tuple[Example, Document]:
    start = text.index(middle)
    made = Example([4, 7, 8, 9, 0], [0, 1, 3, 3, 4], kind, start, start + len(middle))
    return made, Document(text, "a.py", "s")


def test_the_cursor_stands_behind_the_middles_white_space() -> None:
    gap = gap_of(*example(DOUBLE, "\n    return number * 2", "full line"))
    assert gap is not None
    assert (gap.lead, gap.truth, gap.suffix) == ("\n    ", "return number * 2", "\n")
    assert gap.prefix.endswith('"""\n    ')
    assert gap.program(gap.truth) == DOUBLE
    assert (gap.prompt, gap.prompt_weights) == ([4, 7], [0, 1])


@pytest.mark.parametrize(
    ("middle", "kind"), [("* 2", "node"), ("8\n    ", "rest of line"), ("\n    ", "full line")]
)
def test_only_ends_of_lines_are_gaps(middle: str, kind: str) -> None:
    assert gap_of(*example(DOUBLE, middle, kind)) is None


def test_doctests_tell_where_they_fail_without_the_truth() -> None:
    gap = gap_of(*example(DOUBLE, "* 2"))
    assert gap is not None and gap.tested()
    aside = gap_of(*example(DOUBLE + "\ndef other(a):\n    return a + 1\n", "+ 1"))
    assert aside is not None and not aside.tested()


def test_gaps_are_in_functions_and_those_of_tested_files_first(tokenizer_json: str) -> None:
    tokenizer = Tokenizer.from_str(tokenizer_json)
    plain = "count = 1234 + 5678\n" * 3 + "def area(width, height):\n" + "    width = width * height\n" * 30
    documents = [
        Document(plain, "plain.py"),
        Document("def f(:\n" * 30, "broken.py"),
        Document(plain, "test_plain.py"),
        Document(plain, "plain.rs", language="rust"),
        Document(DOUBLE + "\n    total = double(number)\n" * 20, "double.py"),
    ]
    found = [
        gap
        for seed in range(8)
        for gap in gaps(documents, ExampleWriter(tokenizer, random.Random(seed)), random.Random(seed))
    ]
    names = [gap.path for gap in found]
    assert set(names) == {"double.py", "plain.py"}
    assert all("def " in gap.prefix + gap.truth for gap in found)
    first = [
        gap.path for gap in gaps(documents, ExampleWriter(tokenizer, random.Random(1)), random.Random(1))
    ]
    assert first == sorted(first)
