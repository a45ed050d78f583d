"""Actions without protocol and worker: a text with a cursor ‸, what the model says, and what comes of it."""

import pytest

from lsp_server.actions import ACTIONS, ActionError, Gap
from lsp_server.document import Document, Snapshot


def find(name: str, marked: str, language: str) -> tuple[Snapshot, Gap | None]:
    offset = marked.index("‸")
    snapshot = Document("file:///p/a", language, 1, marked.replace("‸", "")).snapshot
    return snapshot, ACTIONS[name].find(snapshot, offset)


def run(name: str, marked: str, said: str, language: str = "python", truncated: bool = False) -> str:
    snapshot, gap = find(name, marked, language)
    assert gap is not None
    filling = ACTIONS[name].fill(*gap.open(snapshot))
    for character in said:
        if filling.feed(character):
            break
    text = gap.close(snapshot, filling.finish(truncated))
    return snapshot.text[: gap.start] + text + snapshot.text[gap.end :]


@pytest.mark.parametrize(
    ("marked", "said", "expected"),
    [
        ("def ‸f(x):\n    pass\n", "return x\n", "def f(x):\n    return x\n"),
        ("def ‸f(x): ...\n", "return x\n", "def f(x):\n    return x\n"),
        ("def ‸f(x):\n", "return x\n", "def f(x):\n    return x\n"),
        ("def ‸f(x):\n    '''Doc.'''\n", "return x\n", "def f(x):\n    '''Doc.'''\n    return x\n"),
        ("def ‸f(x):\n  '''Doc.'''\n  pass\n", "return x\n", "def f(x):\n  '''Doc.'''\n  return x\n"),
        (
            "def ‸f(x):\n    # twice\n    pass\n",
            "return 2 * x\n",
            "def f(x):\n    # twice\n    return 2 * x\n",
        ),
        (
            "def ‸f(x):\r\n\tpass\r\ny = 1\r\n",
            "if x:\n\t\treturn 1\n\treturn 2\n",
            "def f(x):\r\n\tif x:\r\n\t\treturn 1\r\n\treturn 2\r\ny = 1\r\n",
        ),
        (
            "class A:\n    def f(self):\n        ‸raise NotImplementedError\n\n"
            "    def g(self):\n        return 1\n",
            "return self.x\n\n    def h(self):\n        pass\n",
            "class A:\n    def f(self):\n        return self.x\n\n    def g(self):\n        return 1\n",
        ),
        (
            "名 = '😀'\ndef ‸f(中):\n    pass\n",
            "return 名 + 中\n",
            "名 = '😀'\ndef f(中):\n    return 名 + 中\n",
        ),
    ],
)
def test_complete_body(marked: str, said: str, expected: str) -> None:
    assert run("complete-body", marked, said) == expected


@pytest.mark.parametrize(
    ("language", "marked", "said", "expected"),
    [
        (
            "javascript",
            "function ‸f(a) {\n}\n",
            "return a + 1;\n}\n\nfunction g() {",
            "function f(a) {\n    return a + 1;\n}\n",
        ),
        (
            "javascript",
            "function ‸f(a) {}\n",
            "return a + 1;\n}\n",
            "function f(a) {\n    return a + 1;\n}\n",
        ),
        (
            "rust",
            "fn ‸f(a: u8) -> u8 {\n    // twice\n}\n",
            "a * 2\n}\n",
            "fn f(a: u8) -> u8 {\n    // twice\n    a * 2\n}\n",
        ),
        ("go", "func ‸f(a int) int {\n}\n", "return a\n}\n", "func f(a int) int {\n    return a\n}\n"),
    ],
)
def test_complete_body_between_braces(language: str, marked: str, said: str, expected: str) -> None:
    assert run("complete-body", marked, said, language) == expected


@pytest.mark.parametrize("said", ["pass\n", "...\n", "", "\n\n", "return (\n", "else:\n        x\n"])
def test_a_body_that_is_none_is_refused(said: str) -> None:
    with pytest.raises(ActionError, match="nothing was changed"):
        run("complete-body", "def ‸f(x):\n    pass\n", said)


def test_a_file_with_errors_of_its_own_can_be_helped_all_the_same() -> None:
    text = run("complete-body", "def ‸f(x):\n    pass\n\ny = )\n", "return x\n")
    assert text == "def f(x):\n    return x\n\ny = )\n"


@pytest.mark.parametrize(
    ("marked", "said", "expected"),
    [
        ("def ‸f(x):\n    return x\n", 'Say x."""\n    y', 'def f(x):\n    """Say x."""\n    return x\n'),
        (
            "def ‸f(x):  # why\n\n    return x\n",
            "Say x.",
            'def f(x):  # why\n    """Say x."""\n\n    return x\n',
        ),
        (
            "def ‸f(x):\n    # why\n    return x\n",
            " Say x. ",
            'def f(x):\n    """Say x."""\n    # why\n    return x\n',
        ),
        (
            "class ‸A:\r\n\tx = 1\r\n",
            "An A.\n\n\tIts x.\n\t",
            'class A:\r\n\t"""An A.\r\n\r\n\tIts x.\r\n\t"""\r\n\tx = 1\r\n',
        ),
        (
            "def f(\n    x,\n    ‸y,\n):\n    return x\n",
            "Say x.",
            'def f(\n    x,\n    y,\n):\n    """Say x."""\n    return x\n',
        ),
    ],
)
def test_add_docstring(marked: str, said: str, expected: str) -> None:
    assert run("add-docstring", marked, said) == expected


@pytest.mark.parametrize(
    ("name", "marked", "language"),
    [
        ("add-docstring", "def ‸f(x):\n    '''Has one.'''\n    return x\n", "python"),
        ("add-docstring", "def ‸f(x): return x\n", "python"),
        ("add-docstring", "def ‸f(x):\n", "python"),
        ("add-docstring", "x‸ = 1\n", "python"),
        ("add-docstring", "function ‸f() { return 1 }\n", "javascript"),
        ("complete-body", "class ‸A:\n    pass\n", "python"),
        ("complete-body", "def ‸f(x):\n    return x\n", "python"),
        ("complete-body", "some ‸text\n", "plaintext"),
    ],
)
def test_nothing_is_offered(name: str, marked: str, language: str) -> None:
    assert find(name, marked, language)[1] is None
