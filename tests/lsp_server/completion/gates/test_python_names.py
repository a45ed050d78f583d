"""Names that nothing defines, and the many ways in which Python defines one."""

import pytest

from tests.lsp_server.completion.gates.added import objection

UNKNOWN = [
    ("def f(xs):\n    return [x for x in ⟦lines]⟧\n", "lines"),
    ("width = 3\nmatrix = [[0] * width for _ in ⟦matrix]⟧\nprint(matrix)\n", "matrix"),
    ("for row in ⟦row⟧:\n    pass\n", "row"),
    ("with open(⟦handle⟧) as handle:\n    pass\n", "handle"),
    ("x = 1\n⟦total += x⟧\n", "total"),
    # bound, but nowhere that the cursor can see
    ("def f(path):\n    return path\n\n\ndef g():\n    return ⟦path⟧\n", "path"),
    ("class A:\n    size = 3\n\n    def f(self):\n        return ⟦size⟧\n", "size"),
    ("[a for a in range(3)]\nprint(⟦a⟧)\n", "a"),
    # said, but in words, as a member or as a keyword
    ('def f(x):\n    """Of the lines."""\n    return ⟦lines⟧\n', "lines"),
    ("x.lines = 1\nimport x\nprint(⟦lines⟧)\n", "lines"),
    ("print(lines=1)\nprint(⟦lines⟧)\n", "lines"),
    ("from lines import a\nprint(⟦lines⟧)\n", "lines"),
    ('name = 1\nprint(f"{⟦nam}")⟧\n', "nam"),
]

KNOWN = [
    "import os.path as p, sys\nfrom a import b as c\nprint(⟦p, sys, c⟧)\n",
    "from a import *\nprint(⟦anything⟧)\n",
    "print(⟦len, __name__, __file__, _⟧)\n",
    "def f(a, b=1, *c, d: int = 2, e: int, **g):\n    return ⟦a, b, c, d, e, g, f⟧\n",
    "with open('x') as f, open('y') as (g, h):\n    print(⟦f, g, h⟧)\n",
    "try:\n    pass\nexcept OSError as error:\n    print(⟦error⟧)\n",
    "for a, (b, *c) in []:\n    print(⟦a, b, c⟧)\n",
    "if (n := 3) > 2:\n    print(⟦n⟧)\n",
    "match 3:\n    case [a, *b]:\n        print(⟦a, b⟧)\n",
    "match 3:\n    case {'a': c, **d}:\n        print(⟦c, d⟧)\n",
    "def f():\n    global G\n    G = 1\n\n\ndef g():\n    return ⟦G⟧\n",
    "class A:\n    x = 1\n    y = ⟦x⟧\n",
    "class A[T]:\n    def f(self, t: ⟦T⟧): ...\n",
    "fact = lambda n: n * ⟦fact(n - 1)⟧\n",
    "def f():\n    return ⟦later⟧\n\n\nlater = 1\n",
    "x = ⟦[y for y in range(3)]⟧\n",
    "⟦for a in range(3):\n    b = a\n    print(b)⟧\n",
    "x = dict(⟦key=1⟧)\nx.⟦⟧".replace("⟦⟧", "member"),
    "import os\nos.⟦pathsep⟧\n",
    # used elsewhere, and bound nowhere: it comes from somewhere
    "print(mystery)\nprint(⟦mystery⟧)\n",
    "x = 0\nx = ⟦x + 1⟧\n",
    "x: int = 0\nx = ⟦x + 1⟧\n",
    "@dec\ndef dec2(): ...\n\n\n@⟦dec2⟧\ndef f(): ...\n",
]


@pytest.mark.parametrize(("source", "name"), UNKNOWN)
def test_a_name_that_nothing_defines_is_told(source: str, name: str) -> None:
    verdict = objection(source)
    assert verdict is not None
    assert (verdict.gate, verdict.text) == ("name", name)


@pytest.mark.parametrize("source", KNOWN)
def test_a_name_that_something_defines_is_known(source: str) -> None:
    assert objection(source) is None


def test_a_name_in_very_many_places_is_known() -> None:
    assert objection("".join(f"def f{i}(x): x\n" for i in range(300)) + "print(⟦x⟧)\n") is None
