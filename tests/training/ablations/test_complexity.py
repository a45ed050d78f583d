from __future__ import annotations

import pytest

from training.ablations.complexity import complexity

STRAIGHT = "def f(a):\n    return a\n"
BRANCHED = """
def f(a):
    if a and b or c:
        pass
    elif d:
        pass
    for x in [i for i in a if i]:
        while x:
            pass
    try:
        y = 1 if a else 2
    except E:
        y = "if and for"  # while
    match a:
        case 1:
            pass
"""


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("python", STRAIGHT, 1),
        ("python", "x = 1\n", 1),
        # if, and, or, elif, for, two of the comprehension, while, if else, except, case
        ("python", BRANCHED, 12),
        ("python", STRAIGHT + "\ndef g(a):\n    if a:\n        return a\n", 1.5),
        ("typescript", "function f(a?: number) { if (a && b) {} return a ? 1 : b ?? 2 }", 5),
        ("java", "class A { void f() { switch (a) { case 1: break; case 2: break; default: } } }", 3),
        ("go", "package a\nfunc f() { for i := range x { if a || b {} } }", 4),
        ("rust", "impl A for B { fn f() { match a { 1 => 2, _ => 3 }; let c = || 1; } }", 3),
        ("c", "int f() { do { x(); } while (a ? b : c); for (;;) {} return 0; }", 4),
        ("shell", "f() {\n  if a && b; then c; elif d; then e; fi\n}\n", 4),
        ("markdown", "if this and that, for a while", 1),
    ],
)
def test_decisions_of_a_function_and_one(language: str, text: str, expected: float) -> None:
    assert complexity(text, language) == expected


def test_a_file_is_not_more_complex_for_being_long() -> None:
    assert complexity(BRANCHED * 5, "python") == complexity(BRANCHED, "python")
