"""Which lines are typed, with which keys."""

import random
from itertools import islice

import pytest

from benchmarks.replaying.source_file import SourceFile
from benchmarks.replaying.stretch import closer_of, draw, draws, key_at, num_keys

TEXT = "import os\n\n\ndef f(a):\n    if a:\n        return os.name\n    return ''\n"


def file(text: str = TEXT, path: str = "a.py") -> SourceFile:
    return SourceFile(path, "python", text)


@pytest.mark.parametrize("seed", range(8))
def test_a_stretch_is_whole_lines_behind_a_line_end(seed: int) -> None:
    stretch = draw(file(), 20, random.Random(seed))
    assert stretch is not None
    assert stretch.text.startswith("\n")
    assert not stretch.text.endswith("\n")
    assert TEXT[stretch.end] == "\n"
    assert num_keys(stretch.text) >= 20 or TEXT[stretch.end :].strip() == ""
    shorter = stretch.text.rpartition("\n")[0]
    assert num_keys(shorter) < 20, "one line less would not do"


def test_a_file_without_a_line_to_type_gives_none() -> None:
    assert draw(file("import os\n\n\nx\n"), 20, random.Random(0)) is None
    assert draw(file("import os"), 20, random.Random(0)) is None
    assert list(draws([file("x\n")], 20, random.Random(0))) == []


def test_each_file_has_its_turn() -> None:
    files = [file(path=f"{name}.py") for name in "abc"] + [file("x\n", "d.py")]
    drawn = [stretch.file.path for stretch in islice(draws(files, 20, random.Random(1)), 6)]
    assert sorted(drawn[:3]) == ["a.py", "b.py", "c.py"]
    assert drawn[3:] == drawn[:3]


def test_keys_and_their_number() -> None:
    text = "x:\n\n    y\n"
    keys, at = [], 0
    while at < len(text):
        keys.append(key_at(text, at))
        at += len(keys[-1])
    assert keys == ["x", ":", "\n", "\n    ", "y", "\n"]
    assert num_keys(text) == len(keys)


@pytest.mark.parametrize(
    ("text", "place"),
    [("(a)", 2), ("(a[0])", 5), ("(a", None), ("(a\n)", None), ("(a]", None), ("a)", None), ("{}", 1)],
)
def test_where_a_bracket_is_closed_on_its_line(text: str, place: int | None) -> None:
    assert closer_of(text, 0) == place
