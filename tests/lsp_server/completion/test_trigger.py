"""What a cursor calls for, in each language."""

import pytest

from lsp_server.completion.eagerness import Restraint
from lsp_server.completion.trigger import decide
from tests.lsp_server.completion.cursor import at_cursor

NONE, LINE, BLOCK = None, False, True

CASES = [
    # Inside a word, and before one.
    ("python", "fo‸o = 1\n", NONE),
    ("python", "‸foo = 1\n", NONE),
    ("python", "x = bar(‸foo)\n", NONE),
    ("python", "变‸量 = 1\n", NONE),
    ("python", "    ‸# comment\n", NONE),
    ("python", "foo‸ = 1\n", LINE),
    ("python", "x = foo(‸, b)\n", LINE),
    ("python", "x = foo(‸)\n", LINE),
    ("python", "return ‸ if x else y\n", LINE),
    ("python", "‸", LINE),
    ("python", "x = 1\n‸\ny = 2\n", LINE),
    ("python", "# 计算‸\n", LINE),
    ("python", 'print("‸")\n', LINE),
    # Empty blocks, by indentation.
    ("python", "def f(x):\n    ‸\n", BLOCK),
    ("python", "def f(x):‸\n", BLOCK),
    ("python", "def f(x):\n    ‸\n\nx = 1\n", BLOCK),
    ("python", "def f(x):\n‸\nx = 1\n", BLOCK),
    ("python", "def f(\n    x,\n    y,\n) -> int:\n    ‸\n", BLOCK),
    ("python", "def f(x,\n      y):\n    ‸\n\ndef g(): ...\n", BLOCK),
    ("python", "def f(x,\n      y):‸\n", BLOCK),
    ("python", 'def f(x):\n    """Add."""\n    ‸\n', BLOCK),
    ("python", "def f(x):\n    # add\n    ‸\n", BLOCK),
    ("python", "if x:\n    y()\nelse:\n    ‸\n", BLOCK),
    ("python", "class A:\n    def f(self):\n        ‸\n\n    def g(self):\n        pass\n", BLOCK),
    ("python", "def f(x):\r\n    ‸\r\n", BLOCK),
    ("python", "def f(x):\n    ‸\n    return x\n", LINE),
    ("python", "def f(x):\n    y = 1\n    ‸\n", LINE),
    ("python", "x = {\n    'a':‸\n}\n", LINE),
    ("python", "def f(x:‸\n", LINE),
    ("python", "x:‸\n", LINE),
    ("python", 'def f():\n    """‸"""\n', LINE),
    # Empty blocks, by braces, closed or not yet.
    ("javascript", "function f() {‸}\n", BLOCK),
    ("javascript", "function f() {\n  ‸\n}\n", BLOCK),
    ("javascript", "function f() {\n  // later\n  ‸\n}\n", BLOCK),
    ("javascript", "function f() {\n  ‸\n\nfunction g() {}\n", BLOCK),
    ("javascript", "items.map((x) => {‸})\n", BLOCK),
    ("javascript", "const f = {‸}\n", LINE),
    ("javascript", "const f = {‸\n", LINE),
    ("javascript", "return {‸\n", LINE),
    ("javascript", "f({‸})\n", LINE),
    ("javascript", "const s = `${‸}`\n", LINE),
    ("javascript", "function f() {\n  g();\n  ‸\n}\n", LINE),
    ("javascript", "f();‸\n", NONE),
    ("typescript", "interface A {‸}\n", BLOCK),
    ("typescript", "class A {\n  f(): void {\n    ‸\n  }\n}\n", BLOCK),
    ("typescript", "const a: A = {‸}\n", LINE),
    ("go", "func f() int {\n\t‸\n}\n", BLOCK),
    ("go", "type A struct {\n\t‸\n}\n", BLOCK),
    ("go", "x := A{‸}\n", LINE),
    ("rust", "fn f() -> i32 {\n    ‸\n}\n", BLOCK),
    ("rust", "impl A {\n    ‸\n}\n", BLOCK),
    ("rust", "fn f() {\n    let a = A { ‸ };\n}\n", LINE),
    ("java", "class A {\n    int f() {\n        ‸\n    }\n}\n", BLOCK),
    ("java", "class A {\n    int f() {\n        g();‸\n    }\n}\n", NONE),
    ("java", "class A {\n    int[] x = {‸};\n}\n", LINE),
    ("c", "int f(void)\n{\n    ‸\n}\n", BLOCK),
    ("c", "int f(void) {\n    ‸\n\nint g(void) { return 1; }\n", BLOCK),
    ("c", "struct a {\n    ‸\n};\n", BLOCK),
    ("c", "int x[] = {‸};\n", LINE),
    # Blocks that end with a word, and languages of which nothing is known.
    ("ruby", "def f(x)\n  ‸\nend\n", BLOCK),
    ("ruby", "def f(x)\n  x + 1\n  ‸\nend\n", LINE),
    ("lua", "function f(x)\n  ‸\nend\n", BLOCK),
    ("lua", "function f(x)\n  -- later\n  ‸\nend\n", BLOCK),
    ("lua", "f({\n  g = function(x)\n    ‸\n  end,\n})\n", BLOCK),
    ("ruby", "f do |x|\n  ‸\nend\n", BLOCK),
    ("nobody-knows", "proc f:\n    ‸\n", BLOCK),
    ("nobody-knows", "proc f:\n    ‸\n    x\n", LINE),
    ("plaintext", "Dear ‸\n", LINE),
    ("python", "x = \0‸\n", NONE),
]


def called_for(
    source: str,
    language: str,
    invoked: bool = False,
    restraint: Restraint | None = Restraint.STATEMENTS,
) -> bool | None:
    snapshot, offset = at_cursor(source, language)
    trigger = decide(snapshot, offset, invoked, restraint)
    return None if trigger is None else trigger.block


@pytest.mark.parametrize(("language", "source", "expected"), CASES)
def test_decide(language: str, source: str, expected: bool | None) -> None:
    assert called_for(source, language) is expected


@pytest.mark.parametrize(
    ("source", "expected"), [("fo‸o\n", NONE), ("g(‸foo)\n", LINE), ("‸foo\n", LINE), ("f();‸\n", LINE)]
)
def test_asked_for_less_is_held_back(source: str, expected: bool | None) -> None:
    assert called_for(source, "javascript", invoked=True) is expected


# The least restraint with which a line counts as complete; None: it never does.
COMPLETE = [
    ("javascript", "f();‸\n", Restraint.STATEMENTS),
    ("javascript", "f({\n  g();‸});\n", Restraint.STATEMENTS),
    ("javascript", "for (let i = 0;‸)\n", None),
    ("javascript", "f(';‸')\n", None),
    ("python", "for x in y:\n    break‸\n", Restraint.STATEMENTS),
    ("python", "for x in y:\n    pass ‸\n", Restraint.STATEMENTS),
    ("python", "passed‸\n", None),
    ("python", "x = pass‸\n", None),
    ("ruby", "def f\n  g\nend‸\n", Restraint.STATEMENTS),
    ("javascript", "function f() {\n  g();\n}‸\n", Restraint.BLOCKS),
    ("javascript", "class A {\n  f() {\n    g();\n  }‸\n}\n", Restraint.BLOCKS),
    ("javascript", "if (a) {\n  g();\n}‸\n", None),
    ("javascript", "try {\n  g();\n}‸\n", None),
    ("javascript", "const f = () => {\n  g();\n}‸\n", None),
    ("javascript", "const a = {\n  b: 1,\n}‸\n", None),
    ("java", "class A {\n    int f() {\n        return 1;\n    }‸\n}\n", Restraint.BLOCKS),
    (
        "java",
        "class A {\n    void f() {\n        while (a()) {\n            b();\n        }‸\n    }\n}\n",
        Restraint.BLOCKS,
    ),
    ("java", "class A {\n    void f() {\n        do {\n            b();\n        }‸\n    }\n}\n", None),
    ("go", "func f() int {\n\treturn 1\n}‸\n", Restraint.BLOCKS),
    ("rust", "fn f() -> i32 {\n    1\n}‸\n", Restraint.BLOCKS),
    ("rust", "fn f() {\n    for a in b {\n        c();\n    }‸\n}\n", Restraint.BLOCKS),
    ("c", "int f(void)\n{\n    return 1;\n}‸\n", Restraint.BLOCKS),
    ("c", "struct a {\n    int b;\n}‸\n", None),
    ("python", "f(a)‸\n", Restraint.CALLS),
    ("python", "x = [f(a)‸]\n", Restraint.CALLS),
    ("python", "x = (f(a)‸\n", None),
    ("python", "f(a) ‸ + 1\n", None),
    ("python", "# f(a)‸\n", None),
    ("plaintext", "see (a)‸\n", None),
]


@pytest.mark.parametrize(("language", "source", "least"), COMPLETE)
def test_behind_a_complete_line_nothing_is_called_for(
    language: str, source: str, least: Restraint | None
) -> None:
    for restraint in (None, *Restraint):
        ended = least is not None and restraint is not None and restraint >= least
        assert (called_for(source, language, restraint=restraint) is None) is ended, restraint
    assert called_for(source, language, invoked=True, restraint=Restraint.CALLS) is not None
