"""Names that occur nowhere else, in languages whose scopes are not followed."""

import pytest

from tests.lsp_server.completion.gates.added import objection

UNKNOWN = [
    ("javascript", "function f(items) {\n  return ⟦lines.length⟧;\n}\n", "lines"),
    ("javascript", "function f(items) {\n  return ⟦compute(items)⟧;\n}\n", "compute"),
    ("typescript", "function f(a: number) {\n  const b = ⟦width⟧;\n  return b;\n}\n", "width"),
    ("tsx", "const a = (b: string) => <p>{b}</p>;\nconst c = a(⟦title⟧);\n", "title"),
    ("go", "package p\n\nfunc f(items []int) int {\n\treturn len(⟦lines⟧)\n}\n", "lines"),
    ("java", "class A {\n    int f(int a) {\n        return a + ⟦width⟧;\n    }\n}\n", "width"),
    ("rust", "fn f(a: i32) -> i32 {\n    let b = ⟦width + a⟧;\n    b\n}\n", "width"),
    ("c", "int f(int a) {\n    return a + ⟦width⟧;\n}\n", "width"),
    ("cpp", "int f(int a) {\n    return a + ⟦width⟧;\n}\n", "width"),
]

KNOWN = [
    ("javascript", "function f(items) {\n  return ⟦items.map((one, at) => one + at)⟧;\n}\n"),
    ("javascript", "function f(items) {\n  ⟦const { a, b: c } = items;\n  return a + c⟧;\n}\n"),
    ("javascript", "⟦console.log(process.env)⟧;\n"),
    ("javascript", "// of the width\nreturn ⟦width⟧;\n"),
    ("typescript", "function f(a: number) {\n  ⟦for (const one of [a]) {\n    f(one);\n  }⟧\n}\n"),
    ("go", "package p\n\nfunc f(items []int) int {\n\treturn ⟦helper(items)⟧\n}\n"),
    (
        "go",
        "package p\n\nfunc f(items []int) {\n\t⟦for i, one := range items {\n\t\tprint(i, one)\n\t}⟧\n}\n",
    ),
    ("java", "class A extends B {\n    int f(int a) {\n        return a + ⟦width⟧;\n    }\n}\n"),
    ("java", "class A {\n    int f(int a) {\n        return ⟦Widths.of(a)⟧;\n    }\n}\n"),
    ("rust", "use a::*;\nfn f(a: i32) -> i32 {\n    let b = ⟦width + a⟧;\n    b\n}\n"),
    ("rust", "fn f(a: Vec<i32>) -> i32 {\n    let b = ⟦a.iter().map(|one| one + 1).sum();⟧\n    b\n}\n"),
    ("c", "int f(int a) {\n    return ⟦helper(a) + WIDTH⟧;\n}\n"),
    ("cpp", "int f(int a) {\n    ⟦for (int one = 0; one < a; ++one) {\n        f(one);\n    }⟧\n}\n"),
    ("c", "⟦__attribute__((unused)) int f(int);⟧\n"),
    ("ruby", "def f(a)\n  ⟦width⟧\nend\n"),
]


@pytest.mark.parametrize(("language", "source", "name"), UNKNOWN)
def test_a_name_that_occurs_nowhere_else_is_told(language: str, source: str, name: str) -> None:
    verdict = objection(source, language)
    assert verdict is not None
    assert (verdict.gate, verdict.text) == ("name", name)


@pytest.mark.parametrize(("language", "source"), KNOWN)
def test_a_name_that_may_come_from_elsewhere_is_left_alone(language: str, source: str) -> None:
    assert objection(source, language) is None
