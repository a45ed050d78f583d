"""The syntax gate, in documents that are whole, begun, and broken elsewhere."""

import pytest

from tests.lsp_server.completion.gates.added import objection

BREAKS = [
    ("python", "ranking = sorted([], key=lambda ⟦-⟧, reverse=True)\n", "-"),
    ("python", "try:\n    f = 1\nexcept ValueError.⟦mro:⟧ as exc:\n    raise\n", ":"),
    ("python", "f = 1\nf = 2\n⟦else:⟧\nf = 3\n", "else:"),
    ("python", "x = 1\nx ⟦+ 1 = 2⟧\n", "+ 1 = 2"),
    ("python", "x = dict(a=1, ⟦b⟧)\nb = 2\n", "b"),
    ("python", 'x = 1\nprint(⟦"never closed)⟧\n', ""),
    ("python", "def f(a, b):\n    return [a for a ⟦in in b]⟧\n", ""),
    ("javascript", "f(⟦[1, 2⟧, 3);\n", ""),
    # broken off: what is shown goes on to where its brackets close
    ("python", "a = 1\nprint(a)\n⟦b = max(a,⟧\n", ""),
    ("python", "a = 1\n⟦b = [⟧\n", ""),
    ("javascript", "function f(a) {\n  ⟦if (a) {⟧\n}\n", ""),
    ("go", "package p\n\nfunc f(a int) ⟦int {⟧\n", ""),
    # broken elsewhere, and still
    ("python", "def g(:\n    pass\n\n\nx = [1 for _ in ⟦range(3]⟧\n\n\nclass :\n    y = 1\n", ""),
    ("javascript", "const a = 1;\nfunction f() {\n  return ⟦a +⟧;\n}\n", ""),
    ("typescript", "const a: number = 1;\nfunction f(): number {\n  return ⟦a + : b⟧;\n}\n", ""),
    ("tsx", "const a = 1;\nconst b = <p>⟦{a b}⟧</p>;\n", ""),
    ("java", "class A {\n    int f(int a) {\n        return ⟦a a;⟧\n    }\n}\n", ""),
    ("go", "package p\n\nfunc f(a int) int {\n\treturn ⟦a := 3 a⟧\n}\n", ""),
    ("rust", "fn f(a: i32) -> i32 {\n    let b = ⟦a a;⟧\n    b\n}\n", ""),
    ("c", "int f(int a) {\n    return ⟦a a;⟧\n}\n", ""),
    ("cpp", "int f(int a) {\n    return ⟦a a;⟧\n}\n", ""),
]

READS = [
    ("python", "for x in range(3)⟦:⟧\n"),
    ("python", "def f(a):\n    ⟦if a:⟧\n\n\nf(1)\n"),
    ("python", "def f(a):\n    ⟦try:\n        return a⟧\n\n\nf(1)\n"),
    ("python", "def f(a):\n    if a:\n        return 1\n    ⟦else:⟧\n        return 2\n"),
    ("python", "def f(a):\n    try:\n        return 1\n    ⟦except ValueError:⟧\n"),
    ("python", "print(⟦1,⟧\n      2)\n"),
    ("python", "print(1,\n      ⟦2,⟧"),
    ("python", "x = {\n    'a': 1,\n    ⟦'b': 2,⟧"),
    ("python", "class A:\n    ⟦@property⟧"),
    ("python", 'def f():\n    """Say ⟦: what, else (is\n    left⟧\n'),
    ("python", '"""\nA file that ⟦only: begins (with⟧'),
    ("python", 'def f(a):\n    ⟦"""Say what it\'s for: all⟧'),
    ("python", "# a comment⟦: (⟧\n"),
    ("python", "def g(:\n    pass\n\n\nx = ⟦range(3)⟧\n\n\nclass :\n    y = 1\n"),
    ("python", "match 1:\n    ⟦case 2:⟧\n        pass\n"),
    ("python", "x = 1\nx = (x if ⟦x⟧"),
    ("python", "x = 1 + \\\n    ⟦2⟧\n"),
    ("python", "async def f(x):\n    ⟦return await x⟧\n"),
    ("python", "print ⟦'two'⟧\n"),
    ("javascript", "function f(a) ⟦{⟧\n  return a;\n}\n"),
    ("javascript", "function f(a) {\n  return a\n    ⟦.map(a =>⟧\n"),
    ("typescript", "interface A {\n  ⟦a: string;⟧\n"),
    ("tsx", "const a = 1;\nconst b = <p>⟦{a}</p>;⟧\n"),
    ("java", "class A {\n    ⟦@Override⟧\n"),
    ("java", "class A {\n    void f() {\n        ⟦try {⟧\n"),
    ("java", "class A {\n    int f(int a) {\n        return ⟦a;⟧\n"),
    ("rust", "⟦#[derive(Debug)]⟧\n"),
    ("rust", "fn f(a: i32) -> i32 {\n    ⟦match a {⟧\n"),
    ("c", "int f(int a) {\n    ⟦while (a) {⟧\n"),
    ("cpp", "MACRO(a)\nOTHER b)\nint f(int a) {\n    return ⟦a;⟧\n}\n"),
    ("haskell", "f x = ⟦((⟧\n"),
]


@pytest.mark.parametrize(("language", "source", "text"), BREAKS)
def test_what_breaks_the_syntax_is_told(language: str, source: str, text: str) -> None:
    verdict = objection(source, language)
    assert verdict is not None
    assert verdict.gate == "syntax"
    added = source[source.index("⟦") + 1 : source.index("⟧")]
    assert added[verdict.at :].startswith(verdict.text)
    assert not text or verdict.text == text


@pytest.mark.parametrize(("language", "source"), READS)
def test_what_only_begins_something_is_not_to_blame(language: str, source: str) -> None:
    verdict = objection(source, language)
    assert verdict is None or verdict.gate != "syntax", verdict
