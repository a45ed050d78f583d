"""What says nothing, and what looks like it and does."""

import pytest

from tests.lsp_server.completion.gates.added import objection

NONSENSE = [
    ("def f(path):\n    with open(path) as file:\n        return ⟦f(path)⟧\n", "f(path)"),
    ("def f(a, *, b: int = 1):\n    return ⟦f(a, b=b)⟧\n", "f(a, b=b)"),
    ("class A:\n    def f(self, a):\n        return ⟦self.f(a)⟧\n", "self.f(a)"),
    ("async def f(a):\n    return ⟦await f(a)⟧\n", "await f(a)"),
    ("def f(x):\n    ⟦x = x⟧\n", "x = x"),
    ("def f(x):\n    x.a = ⟦x.a⟧\n", "x.a"),
    ("def f(low, high):\n    return (low + high) // ⟦(low + high)⟧\n", "(low + high)"),
    ("def f(xs):\n    return sum(xs) / ⟦sum(xs)⟧\n", "sum(xs)"),
    ("def f(key):\n    if key ⟦== key:⟧\n        pass\n", "== key"),
    ("def f(a):\n    return a ⟦and a⟧\n", "and a"),
]

SENSE = [
    "def f(n):\n    return ⟦f(n - 1)⟧\n",
    "def f(n):\n    if n:\n        return ⟦f(n)⟧\n",
    "def f(path):\n    path = str(path)\n    return ⟦f(path)⟧\n",
    "def f(items):\n    items.pop()\n    return ⟦f(items)⟧\n",
    "def f(n):\n    return ⟦1 + f(n)⟧\n",
    "class A:\n    def f(self):\n        self.step()\n        return ⟦self.f()⟧\n",
    "class A:\n    def f(self, a):\n        return ⟦super().f(a)⟧\n",
    "def f():\n    return⟦ 1⟧\n",
    "def f(*a):\n    return ⟦f(a)⟧\n",
    "def g(x): ...\n\n\nclass A:\n    ⟦g = g⟧\n",
    "def f(x):\n    g(⟦x=x⟧)\n\n\ndef g(x): ...\n",
    "def f(x):\n    return x ⟦* x⟧\n",
    "def f(x):\n    return x ⟦!= x⟧\n",
    "def f(x):\n    assert x ⟦== x⟧\n",
    "def f(x):\n    return next(x) - ⟦next(x)⟧\n",
    "x = 2 - ⟦2⟧\n",
]


@pytest.mark.parametrize(("source", "text"), NONSENSE)
def test_what_makes_no_sense_is_told(source: str, text: str) -> None:
    verdict = objection(source)
    assert verdict is not None
    assert (verdict.gate, verdict.text) == ("sense", text)


@pytest.mark.parametrize("source", SENSE)
def test_what_may_make_sense_is_left_alone(source: str) -> None:
    assert objection(source) is None
