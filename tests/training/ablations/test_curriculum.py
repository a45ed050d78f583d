from __future__ import annotations

from collections.abc import Callable

from training.ablations.curriculum import ranks, simple_first
from training.ablations.rows import Drawn, draw, shuffled
from training.ablations.setting import Setting
from training.documents import Document
from training.examples import Example

SIMPLE, MIDDLE, HARD = (
    "def f(a):\n" + "    if a:\n        pass\n" * number + "    return a\n" for number in (0, 2, 5)
)


def test_simple_documents_come_first_within_each_language() -> None:
    documents = [
        Document(HARD, "hard.py"), Document(SIMPLE, "simple.py"), Document(MIDDLE, "middle.py"),
        Document("func f() { if a {} }", "hard.go", language="go"),
        Document("func f() {}", "simple.go", language="go"),
    ]  # fmt: skip
    found = ranks(documents)
    order = [document.path for document in sorted(documents, key=lambda document: found[id(document)])]
    assert order == ["simple.py", "simple.go", "middle.py", "hard.go", "hard.py"]


def test_examples_of_a_document_stay_together_and_in_order() -> None:
    hard, simple = Document(HARD, "hard.py"), Document(SIMPLE, "simple.py")
    drawn = [
        Drawn(Example([number], [1], "run"), document)
        for number, document in enumerate((hard, hard, simple, simple))
    ]
    assert [example.ids for example in simple_first(drawn)] == [[2], [3], [0], [1]]


def test_both_arms_have_the_same_examples(make_setting: Callable[..., Setting]) -> None:
    drawn = draw(make_setting(), 1)
    first, control = simple_first(drawn), shuffled(drawn, 1)
    assert first != control
    assert sorted(example.ids for example in first) == sorted(example.ids for example in control)
