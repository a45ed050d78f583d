"""The headers around a place and the imports before it, with a tree and without."""
# ruff: noqa: E501  # tables, one case a line

import pytest

from lsp_server.syntax.scopes import headers, imports
from tests.lsp_server.completion.cursor import at_cursor

CASES = [
    ("python", "class A:\n    def f(self):\n        ‸pass\n", ["class A:\n", "    def f(self):\n"]),
    ("python", "class A:\n    x = 1\n\ndef f():\n    ‸pass\n", ["def f():\n"]),
    ("python", "def f(\n    a,\n    b,\n) -> int:\n    ‸pass\n", ["def f(\n    a,\n    b,\n) -> int:\n"]),
    ("python", "def f():\n    if x:\n        ‸pass\n", ["def f():\n"]),
    ("python", "def f(): pass\n‸x = 1\n", []),
    ("javascript", "class A {\n  f() {\n    ‸g();\n  }\n}\n", ["class A {\n", "  f() {\n"]),
    ("javascript", "const f = (a) => {\n  ‸g();\n};\n", ["const f = (a) => {\n"]),
    ("go", "type A struct{}\n\nfunc (a A) F() {\n\t‸g()\n}\n", ["func (a A) F() {\n"]),
    ("c", "int f(void)\n{\n    ‸g();\n}\n", ["int f(void)\n{\n"]),
    ("nobody-knows", "module A\n  def f(x)\n    ‸g\n", ["module A\n", "  def f(x)\n"]),
    ("nobody-knows", "f(x) {\n    if (x) {\n        ‸g\n", ["f(x) {\n"]),
    # What is broken further down does not hide where one is.
    ("javascript", "class A {\n  f() {\n    ‸g();\n    h((({\n", ["class A {\n", "  f() {\n"]),
]


@pytest.mark.parametrize(("language", "source", "expected"), CASES)
def test_headers(language: str, source: str, expected: list[str]) -> None:
    snapshot, offset = at_cursor(source, language)
    assert [snapshot.text[start:end] for start, end in headers(snapshot, offset)] == expected


@pytest.mark.parametrize(
    ("language", "source", "expected"),
    [
        ("python", "import a\nfrom b import (\n    c,\n)\nx = 1\nimport d‸\n", ["import a\n", "from b import (\n    c,\n)\n"]),
        ("go", 'package a\n\nimport (\n\t"b"\n)\n\n‸var x int\n', ["package a\n", 'import (\n\t"b"\n)\n']),
        ("c", "#include <a.h>\nint x;\n‸\n", ["#include <a.h>\n"]),
        ("rust", "use a::b;\n‸\n", ["use a::b;\n"]),
        ("java", "package a;\nimport b.C;\n‸\n", ["package a;\n", "import b.C;\n"]),
        ("nobody-knows", "use a\nx\n‸\n", ["use a\n"]),
    ],
)  # fmt: skip
def test_imports(language: str, source: str, expected: list[str]) -> None:
    snapshot, offset = at_cursor(source, language)
    assert [snapshot.text[start:end] for start, end in imports(snapshot, offset)] == expected
