"""Definitions of open files, without an index."""

import asyncio

import pytest

from lsp_server.completion.sources import pace
from lsp_server.completion.sources.definitions import OpenDefinitions
from lsp_server.completion.sources.pace import Pace
from lsp_server.document import Snapshot
from lsp_server.index.definitions import contents_of, definitions_in
from tests.lsp_server.completion.sources.asking import ask, document, query

SHAPES = document("shapes.py", "import x\n\n\n@dec\ndef area(a, b):\n    return a * b\n\n\nrest = 1\n")
AREA = "shapes.py: def area(a, b):\n    return a * b\n"


def source() -> OpenDefinitions:
    return OpenDefinitions(lambda: "file:///project")


def test_the_definition_behind_a_name_before_the_cursor() -> None:
    assert ask(source(), query("volume = area(1, 2)\n‸", SHAPES)) == [AREA]
    assert ask(source(), query("area(1, ‸", SHAPES)) == []  # the cursor's own line has no say
    assert ask(source(), query("nothing(1)\n‸", SHAPES)) == []


def test_what_the_file_defines_itself_is_not_looked_for() -> None:
    assert ask(source(), query("def area(a):\n    ...\n\n\narea(1)\n‸", SHAPES)) == []


def test_what_is_imported_goes_first_and_from_nowhere_else() -> None:
    other = document("far/other.py", "def area(far):\n    ...\n")
    asked = query("from far.other import area\n\narea(1)\n‸", SHAPES, other)
    assert ask(source(), asked) == ["other.py: def area(far):\n    ...\n"]
    assert ask(source(), query("from gone import area\n\narea(1)\n‸", SHAPES, other)) == []


def test_a_method_comes_under_the_first_line_of_its_class() -> None:
    box = document("box.py", 'class Box(Base):\n    """A box."""\n\n    def fill(self, n):\n        pass\n')
    assert ask(source(), query("fill(1)\n‸", box)) == [
        "box.py: class Box(Base):\n    def fill(self, n):\n        pass\n"
    ]


def test_characters_of_several_bytes_are_counted() -> None:
    german = document("maß.py", "# für Ärger: 😀\ndef area(größe):\n    return größe\n")
    assert ask(source(), query("area(1)\n‸", german)) == ["maß.py: def area(größe):\n    return größe\n"]


def test_languages_that_name_each_other() -> None:
    script = document("a.ts", "export function makeOne(n: number) {\n  return n;\n}\n", "typescript")
    found = ask(source(), query("makeOne(1)\n‸", script, name="b.js", language="javascript"))
    assert found == ["a.ts: export function makeOne(n: number) {\n  return n;\n}\n"]
    assert ask(source(), query("makeOne(1)\n‸", script)) == []


def test_a_change_is_seen_at_once() -> None:
    asked = source()
    assert ask(asked, query("area(1)\n‸", SHAPES)) == [AREA]
    changed = document("shapes.py", "def area(a, b, unit):\n    ...\n")
    assert ask(asked, query("area(1)\n‸", changed)) == ["shapes.py: def area(a, b, unit):\n    ...\n"]


def test_a_long_definition_is_cut_at_a_line() -> None:
    long = document("long.py", "def area():\n" + "".join(f"    line_{n} = {n}\n" for n in range(100)))
    (found,) = ask(source(), query("area()\n‸", long))
    assert found.startswith("long.py: def area():\n    line_0 = 0\n")
    assert found.endswith("\n")
    assert 400 < len(found) < 500


@pytest.mark.parametrize("language", ["plaintext", "cobol", "json"])
def test_what_has_no_definitions_has_none(language: str) -> None:
    assert ask(source(), query("area(1)\n‸", document("a", "def area(): ...\n", language))) == []


def test_the_steps_read_what_is_read_in_one_go() -> None:
    text = "class A:\n    def f(self): ...\n\n    class B:\n        x = 1\n\n\nif y:\n    def g(): ...\n"
    snapshot = document("a.py", text)
    assert snapshot.tree is not None
    steps = definitions_in(snapshot.tree.root, text.encode(), "python")
    count = 0
    try:
        while True:
            next(steps)
            count += 1
    except StopIteration as end:
        assert end.value == contents_of(text.encode(), "python").definitions
    assert count > 5


def test_a_long_file_is_read_in_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "SLICE_S", 0.0)
    long = document("long.py", "".join(f"def f{n}(): ...\n" for n in range(300)))
    assert rounds(long) > 300


def rounds(other: Snapshot) -> int:
    """How often the event loop comes round while a document is read."""

    async def count() -> int:
        task = asyncio.create_task(source().find(query("area(1)\n‸", other), Pace()))
        number = 0
        while not task.done():
            number += 1
            await asyncio.sleep(0)
        return number

    return asyncio.run(count())
