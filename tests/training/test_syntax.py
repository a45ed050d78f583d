from __future__ import annotations

import pytest

from training.syntax import MAX_CHARACTERS, Syntax


def nodes(text: str, language: str, at: str) -> list[str]:
    return [text[start:end] for start, end in Syntax(text, language).nodes_at(text.index(at))]


def test_python_nodes_come_innermost_first() -> None:
    text = "total = area(width, 2)"
    assert nodes(text, "python", "width") == ["width", "(width, 2)", "area(width, 2)", text]


def test_rust_nodes_come_innermost_first() -> None:
    text = "fn main() {\n    let n = area(width);\n}\n"
    found = nodes(text, "rust", "width")
    assert found[:3] == ["width", "(width)", "area(width)"]
    assert "let n = area(width);" in found


@pytest.mark.parametrize("word", ["größe", "名前", "a🙂b"])
def test_offsets_are_in_characters(word: str) -> None:
    text = f"s = '{word}'  # {word}\nother = call('{word}', width)\n"
    assert nodes(text, "python", "width")[:3] == [
        "width",
        f"('{word}', width)",
        f"call('{word}', width)",
    ]


def test_a_node_around_an_error_is_none_to_complete() -> None:
    text = "def f(:\n    pass\n\nx = g(1)\n"
    assert all(":" not in node for node in nodes(text, "python", "1"))
    found = nodes("x = (1 2 3\n", "python", "2")
    assert found in ([], ["2"])


def test_large_nodes_are_left_out() -> None:
    text = "x = [\n    1,\n    2,\n    3,\n    first,\n]\ny = '" + "a" * (MAX_CHARACTERS + 1) + "'\n"
    assert nodes(text, "python", "first") == ["first"]
    assert nodes(text, "python", "aaa") == []


def test_prose_has_no_nodes() -> None:
    assert nodes("# Title (here)\n", "markdown", "here") == []
