from __future__ import annotations

import pytest

from lsp_server.completion.context import gather
from lsp_server.document import Document
from training.outline import Outline

SOURCE = '''import os
from a import (
    b,
)


class Machine:
    """It runs."""

    def start(
        self, key
    ):
        if key:
            first = 1
            second = 2

    def stop(self):
        pass
'''
LINES = SOURCE.split("\n")


def telling(cursor: int) -> list[str]:
    return [SOURCE[extent.start : extent.end] for extent in Outline(SOURCE).extents(cursor)]


def test_headers_come_inner_first_and_then_the_imports() -> None:
    start = "    def start(\n        self, key\n    ):\n"
    imports = ["import os\n", "from a import (\n    b,\n)\n"]
    assert telling(LINES.index("            second = 2")) == [start, "class Machine:\n", *imports]
    assert telling(LINES.index("class Machine:")) == imports
    assert telling(1) == imports[:1], "nothing behind the cursor"
    assert telling(LINES.index("        self, key")) == ["class Machine:\n", *imports], "nor around it"


def test_the_outline_before_a_window_is_of_the_lines_above_it() -> None:
    outline, cursor = Outline(SOURCE), LINES.index("            second = 2")
    assert outline.before(LINES.index("            first = 1"), cursor, 1000) == "".join(
        (
            "import os\nfrom a import (\n    b,\n)\n",
            "class Machine:\n",
            "    def start(\n        self, key\n    ):\n",
        )
    )
    assert outline.before(LINES.index("class Machine:"), cursor, 20) == "import os\n"
    assert outline.before(0, cursor, 1000) == ""


@pytest.mark.parametrize("line", ["            first = 1", "            second = 2"])
def test_the_language_server_sends_the_same(line: str) -> None:
    snapshot = Document("file:///a.py", "python", 1, SOURCE).snapshot
    context = gather(snapshot, SOURCE.index(line) + len(line), 10_000, 100)
    assert list(context.outline) == Outline(SOURCE).extents(LINES.index(line))


def test_imports_can_be_left_out() -> None:
    outline, cursor = Outline(SOURCE), LINES.index("            second = 2")
    assert outline.before(LINES.index("    def start("), cursor, 1000, imports=False) == "class Machine:\n"
    end = SOURCE.index("class")
    assert outline.without_imports(0, end) == "\n\n"
    assert outline.without_imports(1, end) == "\n\n"
    assert outline.without_imports(2, end) == SOURCE[SOURCE.index("    b,") : end], "it began above"
    assert outline.without_imports(0, SOURCE.index("    b,")) == "from a import (\n", "a cursor is in it"
