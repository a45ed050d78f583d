"""What adds an error, by tree-sitter and by Python."""

import pytest

from benchmarks.replaying.added_errors import adds_errors, is_begun, misreads, num_errors


@pytest.mark.parametrize(
    ("language", "before", "inserted", "behind", "adds"),
    [
        ("java", "class A { int x = ", "1;", " }\n", False),
        ("java", "class A { void f() { ", "if (x) {", " } }\n", True),
        ("go", "package p\n\nfunc f() int {\n\t", "return 1", "\n}\n", False),
        ("go", "package p\n\nfunc f() int {\n\t", "return )", "\n}\n", True),
        ("rust", "fn f() -> u8 { ", "1 + }", " }\n", True),
        ("c", "int f(void) { ", "return 1;", " }\n", False),
        ("cpp", "int f() { ", "return std::max(1, 2;", " }\n", True),
        ("javascript", "const a = [", "1, 2", "];\n", False),
        ("typescript", "const a: number = ", "1;", "\n", False),
        ("python", "def f(a):\n    ", "if a:", "\n    return a\n", False),
        ("python", "def f(a):\n    ", "if a:", "\n        return a\n", False),
        ("python", "def f(a):\n    ", "if a):", "\n    return a\n", True),
        ("markdown", "", ")))", "", False),
    ],
)
def test_a_text_adds_errors_or_not(
    language: str, before: str, inserted: str, behind: str, adds: bool
) -> None:
    assert adds_errors(before, inserted, behind, behind, language) is adds


@pytest.mark.parametrize(
    ("language", "before", "inserted", "behind", "begun"),
    [
        ("java", "class A { void f() { ", "if (x) {", " } }\n", True),
        ("java", "class A {\n  ", "private ;", "\n}\n", False),
        ("java", "class A {\n  ", "private final", "\n}\n", True),
        ("rust", "fn f(x: A) -> u8 { match x {\n", "A::B(", "\n} }\n", True),
        ("rust", "fn f(x: A) -> u8 { match x {\n", "A::B(=> 1,", "\n} }\n", False),
        ("typescript", "interface A {\n  b", "cd:", "\n}\n", True),
        ("typescript", "interface A", " | None;", "\n", False),
        ("go", "package p\n\nfunc f() {\n\t", "for i := range g(", "\n}\n", True),
        ("python", "", "x = foo(a, ", "\n", True),
        ("python", "", "x = foo(a b", "\n", False),
        ("cpp", "int f() {\n", "std::vector<int", "\n}\n", True),
    ],
)
def test_what_only_begins_something_is_not_broken(
    language: str, before: str, inserted: str, behind: str, begun: bool
) -> None:
    assert adds_errors(before, inserted, behind, behind, language)
    assert is_begun(before, inserted, behind, behind, language) is begun


def test_what_is_broken_already_is_not_blamed_on_the_text() -> None:
    before = "def f(:\n    pass\n\n"
    assert num_errors(before, "python") > 0
    assert not adds_errors(before, "x = 1", "\n", "\n", "python")


def test_the_bracket_that_a_text_replaces_is_gone() -> None:
    assert adds_errors("f(", "x)", ")\n", ")\n", "python")
    assert not adds_errors("f(", "x)", ")\n", "\n", "python")


@pytest.mark.parametrize(
    ("before", "inserted", "kept", "stumbles"),
    [
        ("x = ", "1", "\n", False),
        ("x = ", "1 +", "\n", None),  # unfinished, and Python stumbles behind it
        ("x = ", "f(a=1, b)", "\n", True),
        ("f(", "a=1, b", ")\n", None),  # behind it
        ("", "for x in range(3):", "\n", False),
        ("    ", "return x", "\n", False),
        ("    ", "return return", "\n", True),
        ("x = foo(\n    ", "a b", "\n)\n", None),  # begins no statement
        ('x = """a\n', "b c", '\n"""\n', None),
        ("    else", ":", "\n", None),  # belongs to a statement above
        ("x = (", "1,", "\n", False),
        ("x y = ", "1", "\n", None),  # broken before it
        ("", "x = 1\n    y = 2", "\n", True),
    ],
)
def test_python_stumbles_inside_the_text_or_not(
    before: str, inserted: str, kept: str, stumbles: bool | None
) -> None:
    assert misreads(before, inserted, kept) is stumbles
