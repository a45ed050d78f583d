import pytest

from lsp_server.document import Document, Snapshot
from lsp_server.syntax.bodies import Body, body_at, has_empty_block, num_errors


def opened(marked: str, language: str = "python") -> tuple[Snapshot, int]:
    """The document without its cursor, which is written as ‸, and the cursor's offset."""
    offset = marked.index("‸")
    text = marked.replace("‸", "")
    return Document("file:///p/a", language, 1, text).snapshot, offset


def body(marked: str, language: str = "python") -> Body | None:
    snapshot, offset = opened(marked, language)
    assert snapshot.tree is not None
    return body_at(snapshot.tree, offset)


@pytest.mark.parametrize(
    ("marked", "stub"),
    [
        ("def ‸f(x):\n    pass\n", ":"),
        ("def ‸f(x):\n    ...\n", ":"),
        ("def ‸f(x): ...\n", ":"),
        ("def ‸f(x):\n", ":"),
        ("def f(x):\n    raise ‸NotImplementedError('later')\n", ":"),
        ("def f(x):\n    '''doc'''\n    ‸pass\n", "'''doc'''"),
        ("def ‸f(x):\n    '''doc'''\n", "'''doc'''"),
        ("def f(x):\n    # sum them\n    ‸pass\n", "# sum them"),
        ("def f(x):\n    '''doc'''\n    # so\n    ‸pass\n    # not this\n", "# so"),
        ("class A:\n    async def ‸f(self): pass\n", ":"),
    ],
)
def test_a_python_stub_begins_behind_what_says_something(marked: str, stub: str) -> None:
    found = body(marked)
    assert found is not None and found.stub_start is not None
    assert marked.replace("‸", "")[: found.stub_start].endswith(stub)


@pytest.mark.parametrize(
    "marked",
    [
        "def ‸f(x):\n    return x\n",
        "def f(x):\n    pass\n    ‸return x\n",
        "def ‸f(x):\n    raise ValueError\n",
        "def ‸f(x):\n    'doc'\n    x = 1\n",
    ],
)
def test_a_body_that_says_something_is_no_stub(marked: str) -> None:
    found = body(marked)
    assert found is not None and found.is_function and found.stub_start is None


@pytest.mark.parametrize("marked", ["x‸ = 1\n", "‸", "if x‸:\n    pass\n", "def f():\n    pass\n\nx‸ = 1\n"])
def test_outside_of_a_function_there_is_none(marked: str) -> None:
    assert body(marked) is None


def test_the_innermost_one_counts() -> None:
    marked = "class A:\n    def f(self):\n        def g():\n            ‸pass\n        return g\n"
    found = body(marked)
    assert found is not None
    assert marked[found.start :].startswith("def g")


@pytest.mark.parametrize(
    ("marked", "language", "is_stub"),
    [
        ("function ‸f(a) {\n}\n", "javascript", True),
        ("function f(a) {\n  // add them‸\n}\n", "javascript", True),
        ("function ‸f(a) { return a }\n", "javascript", False),
        ("class A { ‸m() {} }\n", "javascript", True),
        ("fn ‸f(a: u8) -> u8 {\n}\n", "rust", True),
        ("func ‸f(a int) int {\n}\n", "go", True),
        ("int ‸f(int a) {\n}\n", "c", True),
        ("class A { int ‸f() { return 1; } }\n", "java", False),
    ],
)
def test_braced_bodies(marked: str, language: str, is_stub: bool) -> None:
    found = body(marked, language)
    text = marked.replace("‸", "")
    assert found is not None and found.braced and found.is_function
    assert (found.stub_start is not None) == is_stub
    assert text[found.head_end - 1] == "{" and text[found.end] == "}"


def test_offsets_are_characters_though_trees_count_bytes() -> None:
    marked = "名 = '😀'\ndef ‸f(中):\n    '''文'''\n    pass\n"
    found = body(marked)
    text = marked.replace("‸", "")
    assert found is not None and found.stub_start is not None
    assert text[found.start :].startswith("def f")
    assert text[: found.stub_start].endswith("'''文'''")
    assert text[found.stub_start : found.end] == "\n    pass"


@pytest.mark.parametrize(
    ("text", "errors"), [("x = 1\n", 0), ("x = (1\n", 1), ("def f(:\n    pass\n\nx = )\n", 2), ("", 0)]
)
def test_errors_are_counted(text: str, errors: int) -> None:
    tree = Document("file:///p/a.py", "python", 1, text).snapshot.tree
    assert tree is not None
    assert (num_errors(tree) > 0) == (errors > 0)
    assert num_errors(tree) >= errors


def test_an_empty_block_is_found_where_it_touches() -> None:
    text = "def f():\n    if x:\n\n\ndef g():\n    return 1\n"
    tree = Document("file:///p/a.py", "python", 1, text).snapshot.tree
    assert tree is not None
    assert has_empty_block(tree, 8, 18)
    assert not has_empty_block(tree, text.index("return"), len(text))
