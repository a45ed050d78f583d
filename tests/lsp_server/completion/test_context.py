"""What the model sees: cut at line ends, in order, and stable while a line is typed."""

import argparse
import inspect
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.messages import MAX_OUTLINE, Generate, encode
from lsp_server.completion.context import Context, gather
from lsp_server.document import Change, Document
from lsp_server.position import Position
from tests.lsp_server.completion.cursor import at_cursor

SOURCE = inspect.getsource(argparse)
SNAPSHOT = Document("file:///a.py", "python", 1, SOURCE).snapshot
FILLER = "".join(f"        value_{number} = {number}\n" for number in range(200))
CLASS = f'''import os
from a import (
    b,
    c,
)


@decorated
class Machine(Base):
    """It runs."""

    def start(
        self, key: str
    ) -> None:
{FILLER}        ‸
'''


def test_a_small_document_is_seen_whole() -> None:
    snapshot, offset = at_cursor("a\nb‸\nc\n", "python")
    context = gather(snapshot, offset, 1000, 1000)
    assert (context.prefix, context.suffix) == ("a\nb", "\nc\n")


def test_imports_and_the_headers_around_come_before_a_window_that_does_not_reach_them() -> None:
    snapshot, offset = at_cursor(CLASS, "python")
    prefix = gather(snapshot, offset, 1500, 100).prefix
    front = "import os\nfrom a import (\n    b,\n    c,\n)\n"
    front += "class Machine(Base):\n    def start(\n        self, key: str\n    ) -> None:\n"
    assert prefix.startswith(front + "        value_")
    assert snapshot.text[:offset].endswith(prefix[len(front) :])


def test_a_language_without_a_grammar_has_headers_by_indentation() -> None:
    snapshot, offset = at_cursor("use x\nproc f:\n" + FILLER + "        ‸\n", "nobody-knows")
    assert gather(snapshot, offset, 1000, 100).prefix.startswith("use x\nproc f:\n        value_")


@pytest.mark.parametrize(
    ("language", "header"),
    [
        ("javascript", "class A {\n  f(x) {\n"),
        ("typescript", "export class A {\n  private f(x: number): void {\n"),
        ("go", "func (a *A) f(x int) error {\n"),
        ("rust", "impl A {\n    fn f(&self) -> i32 {\n"),
        ("java", "public class A {\n    int f(int x) {\n"),
        ("c", "int f(int x)\n{\n"),
        ("ruby", "class A\n  def f(x)\n"),
    ],
)
def test_headers_in_each_language(language: str, header: str) -> None:
    snapshot, offset = at_cursor(header + FILLER.replace("\n", ";\n") + "        ‸\n", language)
    assert gather(snapshot, offset, 800, 100).prefix.startswith(header + "        value_")


def test_line_ends_are_unix_and_surrogates_are_replaced() -> None:
    snapshot, offset = at_cursor("a\r\n'\ud83d'\r‸\r\n\udc00", "python")
    context = gather(snapshot, offset, 1000, 1000)
    assert (context.prefix, context.suffix) == ("a\n'\ufffd'\n", "\n\ufffd")


def outlined(context: Context) -> list[str]:
    return [context.prefix[extent.start : extent.end] for extent in context.outline]


HEADERS = ["    def start(\n        self, key: str\n    ) -> None:\n", "class Machine(Base):\n"]
IMPORTS = ["import os\n", "from a import (\n    b,\n    c,\n)\n"]


@pytest.mark.parametrize("budget", [1500, 100_000])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_the_outline_is_inner_headers_then_outer_ones_then_imports(budget: int, newline: str) -> None:
    snapshot, offset = at_cursor(CLASS.replace("\n", newline), "python")
    assert outlined(gather(snapshot, offset, budget, 100)) == HEADERS + IMPORTS


def test_the_outline_of_a_line_yet_to_be_written_is_that_of_the_lines_above() -> None:
    snapshot, offset = at_cursor(CLASS + "\n    def stop(self):\n        pass\n", "python")
    assert outlined(gather(snapshot, offset, 1500, 100)) == HEADERS + IMPORTS


def test_many_imports_are_not_all_in_the_outline() -> None:
    source = "".join(f"import a{number}\n" for number in range(100)) + "\nx = ‸"
    context = gather(*at_cursor(source, "python"), 10_000, 100)
    assert len(context.outline) == MAX_OUTLINE
    assert encode(Generate(1, "d", "p", "python", context.prefix, "", context.outline))


def typed(source: str, language: str, line: str) -> list[Context]:
    """What is seen while `line` is typed at the cursor."""
    snapshot, offset = at_cursor(source, language)
    document = Document("file:///test", language, 1, snapshot.text)
    at = snapshot.position(offset)
    contexts = []
    for count in range(len(line) + 1):
        contexts.append(gather(document.snapshot, offset + count, 1200, 300))
        where = Position(at.line, at.character + count)
        document.apply([Change(line[count : count + 1], where, where)], count + 2)
    return contexts


@pytest.mark.parametrize(
    ("language", "line"),
    [
        ("python", "result = compute(first, [second for second in others], key={'a': '''x'''}) # done"),
        ("python", "class X(object): def f(self): return {(["),
        ("javascript", "const f = (a, b) => { return `${a} \"b\" ${c({d: [1, 2"),
        ("typescript", "interface A { b: Map<string, {c: `d"),
        ("go", 'if x, err := f(func() { return "a'),
        ("rust", "let x: Vec<&'a str> = y.map(|z| { z.w(\"q"),
        ("java", "for (Map.Entry<String, int[]> e : m.entrySet()) { f(\"a"),
        ("c", "#define X (a) { struct y z = { .w = 'q"),
    ],
)  # fmt: skip
def test_typing_a_line_only_appends(language: str, line: str) -> None:
    headers = {
        "python": "import os\n\n\nclass A:\n    def f(self, x):\n",
        "go": "import \"os\"\n\nfunc f(x int) {\n",
        "c": "#include <os.h>\n\nint f(int x)\n{\n",
        "rust": "use os;\n\nimpl A {\n    fn f(&self) {\n",
    }  # fmt: skip
    header = headers.get(language, "import os;\n\nclass A {\n    f(x) {\n")
    end = "" if language == "python" else ";"
    body = FILLER.replace("\n", f"{end}\n")
    closing = "" if language == "python" else "    }\n}\n"
    contexts = typed(f"{header}{body}        ‸\n{body}{closing}", language, line)
    assert contexts[0].outline
    for (before, after), character in zip(pairwise(contexts), line, strict=True):
        assert after.prefix == before.prefix + character
        assert after.outline == before.outline


@given(st.integers(0, len(SOURCE)), st.integers(100, 5000), st.integers(20, 2000))
@settings(deadline=None, max_examples=60)
def test_budgets_hold_anywhere_in_a_real_file(offset: int, prefix_budget: int, suffix_budget: int) -> None:
    context = gather(SNAPSHOT, offset, prefix_budget, suffix_budget)
    line = SOURCE[SOURCE.rfind("\n", 0, offset) + 1 : offset]
    assert len(context.prefix) <= prefix_budget
    assert context.prefix.endswith(line[-prefix_budget // 2 :])
    assert all(lines.endswith("\n") and lines in SOURCE for lines in outlined(context))
    assert len(context.suffix) <= suffix_budget
    assert SOURCE[offset:].startswith(context.suffix)
    assert not context.suffix or context.suffix[-1] == "\n" or "\n" not in context.suffix


@given(st.integers(0, 9000), st.integers(50, 2000))
@settings(deadline=None, max_examples=60)
def test_one_long_line_is_cut_in_steps(offset: int, budget: int) -> None:
    snapshot = Document("file:///a.js", "javascript", 1, "x" * 10_000).snapshot
    prefix = gather(snapshot, offset, budget, budget).prefix
    assert min(offset, budget // 2) <= len(prefix) <= budget


def test_a_window_moves_once_in_many_lines() -> None:
    lines = "".join(f"value_{number} = {number}\n" for number in range(400))
    snapshot = Document("file:///a.py", "python", 1, lines).snapshot
    starts = []
    for number in range(100, 300):
        offset = snapshot.lines.start(number)
        starts.append(offset - len(gather(snapshot, offset, 1600, 100).prefix))
    assert len(set(starts)) < 25
