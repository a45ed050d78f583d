"""What followed the same text elsewhere."""

import pytest

from lsp_server.completion.copied import SHORTEST, continuation
from lsp_server.document import Document, Snapshot
from tests.lsp_server.completion.cursor import at_cursor

LONG = "result.append(convert(value"
assert len(LONG) > SHORTEST


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (f"{LONG}, unit))\n\n{LONG}‸\n", ", unit))"),
        (f"{LONG}‸\n\n{LONG}, unit))\n", ", unit))"),
        (f"{LONG}, unit))\n{LONG}, unit))\nx = {LONG}‸\n", ", unit))"),
        # It went on in two ways, but one of them behind more of what stands here.
        (f"a.{LONG}, 1))\nb.{LONG}, 2))\nb.{LONG}‸\n", ", 2))"),
        (f"a.{LONG}, 1))\nb.{LONG}, 2))\nc.{LONG}‸\n", ""),
        # Too short, once blanks at the ends of lines do not count.
        ("    return x + 1\n\n        return x‸\n", ""),
        (f"{' ' * SHORTEST}return x + 1\n{' ' * SHORTEST}return x‸\n", ""),
        # Across lines; and where nothing followed.
        ("first_thing()\nsecond_thing()\nthird()\n\nfirst_thing()\nsecond_thing()\n‸", "third()"),
        (f"{LONG}\n{LONG}‸\n", ""),
        ("x‸", ""),
        ("‸", ""),
    ],
)
def test_continuation(source: str, expected: str) -> None:
    snapshot, offset = at_cursor(source, "python")
    assert continuation(snapshot, offset) == expected


def other(text: str, uri: str = "file:///other.py") -> Snapshot:
    return Document(uri, "python", 1, text).snapshot


def test_other_buffers_are_looked_into_too() -> None:
    snapshot, offset = at_cursor(f"y = {LONG}‸\n", "python")
    assert continuation(snapshot, offset, [other(f"{LONG}, unit))\n")]) == ", unit))"
    two = [other(f"x = {LONG}, 1))\n"), other(f"y = {LONG}, 2))\n", "file:///b.py")]
    assert continuation(snapshot, offset, two) == ", 2))"
    assert continuation(snapshot, offset, [other(f"{LONG}, 3))\n", snapshot.uri)]) == ""


def test_a_text_full_of_the_same_is_no_trap() -> None:
    snapshot, offset = at_cursor("a" * 200_000 + "‸", "python")
    assert len(continuation(snapshot, offset)) <= 400
