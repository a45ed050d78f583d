"""Lines that say what stands around the cursor already."""

import pytest

from inference.surroundings import Surroundings

PREFIX = "def f(x, y):\n    self.x = x\n    "
SUFFIX = "\n\n    return self.total\n"


@pytest.mark.parametrize(
    ("prefix", "answer", "repeated"),
    [
        (PREFIX, "self.x = x", True),
        (PREFIX, "self.x = x\n    ", True),
        (PREFIX, "self.y = y", False),
        (PREFIX, "self.y = y\n    self.y = y\n", True),
        (PREFIX, "self.y = y\n\n    self.y = y", True),
        (PREFIX, "self.y = y\n    self.x = x", False),
        (PREFIX, "return self.total", True),
        (PREFIX, "", False),
        (PREFIX + "self.", "x = x", True),
        (PREFIX + "self.", "y = x", False),
        ("", "self.x", False),
        ("[\n    0,\n    ", "0,", False),
        ("if a:\n    b\n}\n", "}", False),
        ("a\r\nlonger = 1\r\n", "longer = 1", True),
        ("名字 = 取名字()\n", "名字 = 取名字()", True),
    ],
)
def test_a_line_said_again(prefix, answer, repeated):
    assert Surroundings(prefix, SUFFIX).repeated_by(answer.encode()) is repeated


def test_only_the_next_line_counts_as_what_follows():
    behind = Surroundings("", ")  # the cursor's own line\n\n   first()\nsecond()\n")
    assert behind.repeated_by(b"first()")
    assert not behind.repeated_by(b"second()")
    assert not behind.repeated_by(b")  # the cursor's own line")
