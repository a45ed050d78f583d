"""Whoever types: what is accepted, what that saves, and what was shown for nothing."""

import asyncio
from dataclasses import replace

import pytest

from benchmarks.replaying.source_file import SourceFile
from benchmarks.replaying.stretch import Stretch
from benchmarks.replaying.typist import Manner, Typed, Typist
from tests.benchmarks.replaying.scripted_screen import Says, ScriptedScreen

HEAD = "def area(width, height):"
BODY = "\n    size = width * height\n    return size"
FILE = SourceFile("shapes.py", "python", HEAD + BODY + "\n\n\nprint(area(2, 3))\n")
STRETCH = Stretch(FILE, len(HEAD), len(HEAD + BODY))
KEYS = 1 + len("size = width * height") + 1 + len("return size")


def typed(says: Says, stretch: Stretch = STRETCH, **manner: object) -> tuple[Typed, ScriptedScreen]:
    screen = ScriptedScreen(says)
    result = asyncio.run(Typist(screen, replace(Manner(probe=0), **manner)).type(stretch))  # type: ignore[arg-type]  # fields of it
    assert screen.text == stretch.file.text, "typing has to bring the file back"
    return result, screen


def truth(before: str, after: str) -> str:
    """All of the stretch that is not there yet."""
    return FILE.text[len(before) : STRETCH.end]


def rest_of_line(before: str, after: str) -> str:
    return truth(before, after).split("\n")[0]


def test_silence_saves_nothing() -> None:
    result, screen = typed(lambda before, after: "")
    tally = result.tally
    assert (tally.requests, tally.characters, len(screen.changes)) == (KEYS, KEYS, KEYS)
    assert (tally.shown, tally.texts, tally.saved, tally.saved_with_words, tally.wrong_characters) == (0,) * 5
    assert result.times.silent == [3.0] * KEYS
    assert not result.times.shown
    assert screen.changes[0] == ("\n    ", 0, ""), "a line end brings the indentation"


def test_the_truth_is_accepted_after_the_first_key() -> None:
    result, screen = typed(truth)
    tally = result.tally
    assert [change[0] for change in screen.changes] == ["\n    ", BODY[5:]]
    assert (tally.requests, tally.shown, tally.texts, tally.exact) == (2, 1, 1, 1)
    assert tally.saved == tally.saved_with_words == KEYS - 1 - 1
    assert (tally.wrong_requests, tally.wrong_characters) == (0, 0)


def test_the_truth_of_a_line_is_accepted_line_by_line() -> None:
    result, _ = typed(rest_of_line)
    tally = result.tally
    # Enter, accepted, Enter, accepted: of each line all but one key is saved.
    assert (tally.requests, tally.shown, tally.exact) == (4, 2, 2)
    assert tally.saved == KEYS - 4


def test_a_lie_is_wrong_at_each_key() -> None:
    """Further on the same characters are another text: the document would be another with them."""
    result, _ = typed(lambda before, after: "%%%")
    tally = result.tally
    assert (tally.shown, tally.wrong_requests) == (KEYS, KEYS)
    assert (tally.texts, tally.wrong_texts, tally.wrong_characters) == (KEYS, KEYS, 3 * KEYS)
    assert (tally.saved, tally.exact, tally.prefix) == (0, 0, 0)


def test_a_text_that_is_typed_through_is_one_text() -> None:
    """Right at first and wrong in the end: it is not accepted, and shortens with every key."""
    line = "size = width * heat"

    def says(before: str, after: str) -> str:
        written = before.rsplit("\n    ", 1)[-1]
        return line[len(written) :] if line.startswith(written) and "height\n" not in before else ""

    result, _ = typed(says)
    tally = result.tally
    right = len("size = width * he")
    # Shown from the empty line to the last key that is right.
    assert (tally.shown, tally.texts, tally.wrong_texts, tally.wrong_characters) == (right + 1, 1, 1, 2)


def test_words_at_the_beginning_are_counted_apart() -> None:
    def says(before: str, after: str) -> str:
        return "size = width / 2" if before.endswith(":\n    ") else ""

    tally = typed(says)[0].tally
    assert (tally.saved, tally.words, tally.wrong_characters) == (0, 1, len("/ 2"))
    # "size", " =" and " width" with a key for each.
    assert tally.saved_with_words == len("size = width") - 3


def test_whoever_accepts_words_is_ahead_of_what_is_accepted_whole() -> None:
    def says(before: str, after: str) -> str:
        if before.endswith(":\n    "):
            return "size = width / 2"
        return "ze = width * height" if before.endswith("\n    si") else ""

    tally = typed(says)[0].tally
    assert tally.saved == len("ze = width * height") - 1
    # They are behind "width" by then, and save the rest: " * height" with one key.
    assert tally.saved_with_words == (len("size = width") - 3) + (len(" * height") - 1)


@pytest.mark.parametrize("text", ["siz", "si"])
def test_a_beginning_of_a_word_is_neither_accepted_nor_wrong(text: str) -> None:
    tally = typed(lambda before, after: text if before.endswith(":\n    ") else "", least=1)[0].tally
    assert (tally.shown, tally.texts, tally.saved, tally.wrong_requests) == (1, 1, 0, 0)


def test_brackets_are_closed_and_typed_over() -> None:
    file = SourceFile("a.py", "python", "x = 1\nprint(area(2, [3]), 4)\ny = 2\n")
    stretch = Stretch(file, 5, file.text.index("\ny"))
    behind: dict[str, str] = {}

    def says(before: str, after: str) -> str:
        behind[before.rsplit("\n", 1)[-1]] = after.split("\n")[0]
        return ""

    _, screen = typed(says, stretch)
    assert behind["print("] == ")"
    assert behind["print(area(2, ["] == "]))"
    assert behind["print(area(2, [3])"] == ")"
    assert behind["print(area(2, [3]), 4)"] == ""
    assert screen.changes.count((")", 1, "")) == 2


def test_without_pairs_brackets_are_left_open() -> None:
    file = SourceFile("a.py", "python", "x = 1\nprint(area(2))\n")
    behind: list[str] = []
    typed(lambda before, after: behind.append(after) or "", Stretch(file, 5, 20), pairs=False)  # type: ignore[func-returns-value]
    assert set(behind) == {"\n"}


CALL = SourceFile("a.py", "python", "x = 1\nprint(width, height)\n")


@pytest.mark.parametrize(
    ("text", "replaced", "wrong"),
    [
        ("width, height", 0, 0),
        ("width, height)", 1, 0),
        ("width, height)", 0, 1),  # the bracket would stand there twice
        ("width, height", 1, 1),  # the bracket would be gone
    ],
)
def test_a_text_has_to_leave_the_brackets_right(text: str, replaced: int, wrong: int) -> None:
    def says(before: str, after: str) -> str | tuple[str, int]:
        return (text, replaced) if before.endswith("print(") else ""

    tally = typed(says, Stretch(CALL, 5, len(CALL.text) - 1))[0].tally
    assert (tally.wrong_texts, tally.wrong_characters) == (wrong, wrong)
    assert tally.saved == (0 if wrong else len(text) - 1)
    assert tally.exact == (not wrong and ")" in text)
    assert tally.prefix == (not wrong and ")" not in text)


def test_a_bracket_that_is_closed_on_a_later_line_is_not_closed_by_the_editor() -> None:
    file = SourceFile("a.c", "c", "int x;\nint f(int a) {\n  return a;\n}\n")
    _, screen = typed(lambda before, after: "", Stretch(file, 6, len(file.text) - 1))
    assert ("(", 0, ")") in screen.changes
    assert ("{", 0, "") in screen.changes


def test_times_of_the_server_are_its_own_and_of_every_second_key() -> None:
    result, _ = typed(rest_of_line, probe=2)
    times = result.times
    assert (times.change, times.request) == ([1.0, 1.0], [2.0, 2.0])
    # Enter is timed as a whole, an acceptance in parts: no text is shown there.
    assert (times.shown, times.silent) == ([7.0, 7.0], [])
    assert times.beyond_worker == [3.0, 3.0]


def test_tokens_are_counted_by_what_the_request_came_behind() -> None:
    def says(before: str, after: str) -> str:
        return "no" if before.endswith((":\n    ", "size =", "size = ", "height\n    ")) else ""

    tally = typed(says)[0].tally
    # The first request, in a file that was just opened, is in neither.
    assert (tally.line_tokens, tally.line_reused) == (200, 180)
    assert (tally.newline_tokens, tally.newline_reused) == (100, 90)


def test_what_breaks_the_syntax_is_told() -> None:
    result, _ = typed(lambda before, after: "size = = width" if before.endswith(":\n    ") else "")
    tally = result.tally
    assert (tally.errors, tally.broken, tally.wrong_errors, tally.compiled, tally.misread) == (1, 1, 1, 1, 1)
    assert [(flaw.by, flaw.text, flaw.right) for flaw in result.flaws] == [
        ("tree", "size = = width", False),
        ("compile", "size = = width", False),
    ]


def test_what_its_author_wrote_is_not_broken() -> None:
    """In a language of another version, or by a macro."""
    file = SourceFile("a.py", "python", "if x:\n    size = = width\n    pass\n")
    stretch = Stretch(file, 5, file.text.index("\n    pass"))
    tally = typed(lambda before, after: "size = = width" if before.endswith(":\n    ") else "", stretch)[
        0
    ].tally
    assert (tally.exact, tally.errors, tally.wrong_errors, tally.broken) == (1, 1, 0, 0)
    assert (tally.misread, tally.wrong_misread) == (1, 0)


def test_at_a_rate_what_comes_too_late_is_not_looked_at() -> None:
    class Late(ScriptedScreen):
        async def ask(self) -> object:  # type: ignore[override]
            shown = await super().ask()
            await asyncio.sleep(0 if len(self.asked) > 1 else 0.2)
            return shown

    screen = Late(truth)
    result = asyncio.run(Typist(screen, Manner(rate=50.0)).type(STRETCH))
    # The first answer is late; the one behind the next key is accepted.
    assert result.tally.overtaken >= 1
    assert result.tally.exact == 1
    assert screen.text == FILE.text
