"""What is open where, by the lexical rules of each language."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lsp_server.line_index import LineIndex
from lsp_server.syntax.languages import lexicon_for
from lsp_server.syntax.scan import State, scan, scan_lines


def opened(language: str, text: str) -> tuple[str, str]:
    """The brackets open at the end of a text, and what it ends inside of."""
    events = list(scan(lexicon_for(language, ""), text, 0, len(text), State()))
    state = events[-1].after if events else State()
    return "".join(opening.mark for opening in state.stack), state.inside.opening if state.inside else ""


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("python", "f(a[", ("([", "")),
        ("python", "f(')', \"]\"", ("(", "")),
        ("python", "'\\'(", ("", "'")),
        ("python", "'(\n[", ("[", "")),
        ("python", '"""(\n\'', ("", '"""')),
        ("python", '"""("""[', ("[", "")),
        ("python", '"" (', ("(", "")),
        ("python", "# (\n[", ("[", "")),
        ("python", "# (", ("", "#")),
        ("python", "f({)", ("", "")),
        ("python", "f)(", ("(", "")),
        ("javascript", "`a ${b(", ("${(", "")),
        ("javascript", "`a ${b} (", ("", "`")),
        ("javascript", "`a ${`b ${c}`} (", ("", "`")),
        ("javascript", "`a ${{}} (", ("", "`")),
        ("javascript", "/* ( */ [ // {", ("[", "//")),
        ("rust", "&'a str (", ("(", "")),
        ("rust", "'(' '\\'' '\\u{7f}' [", ("[", "")),
        ("rust", 'r#"a"("# [', ("[", "")),
        ("rust", 'r#"a"(', ("", 'r#"')),
        ("rust", '"a\n(', ("", '"')),
        ("go", "`a\n\\` (", ("(", "")),
        ("bash", "echo $# (", ("(", "")),
        ("bash", "# (", ("", "#")),
        ("lua", "--[[ (\n]] [ -- {", ("[", "--")),
        ("markdown", "don't (", ("", "")),
        ("nobody-knows", 'don\'t ("a" "\n[', ("([", "")),
        ("c", "#define A(b) '(' \"(\"", ("", "")),
        ("sql", "-- (\n'(' (", ("(", "")),
        ("html", '<a href="(">', ("", "")),
    ],
)
def test_scan(language: str, text: str, expected: tuple[str, str]) -> None:
    assert opened(language, text) == expected


def test_reading_on_from_a_state_is_reading_it_all() -> None:
    text = "f(`a ${b['c'] // d\n} e`, /* [ */ {"
    lexicon = lexicon_for("javascript", "")
    whole = list(scan(lexicon, text, 0, len(text), State()))
    for event in whole:
        if event.start == event.end:
            continue  # a string's end at its line's; the line end follows
        rest = list(scan(lexicon, text, event.end, len(text), event.after))
        assert rest == whole[whole.index(event) + 1 :]


PIECES = st.sampled_from(
    [
        *("(", ")", "[", "]", "{", "}", "${", '"', "'", '"""', "`", "#", "//", "/*", "*/", "\\", "x", " "),
        *("\n", "\r", "\r\n", "\n\n\n\n", "\n" * 15, "'\\\r'", '\nr#"', '"#'),
    ]
)
LANGUAGES = st.sampled_from(["python", "javascript", "rust", "shellscript", "c", "sql", "plaintext"])


@settings(deadline=None)
@given(LANGUAGES, st.lists(PIECES, max_size=80).map("".join), st.data())
def test_remembered_lines_read_as_the_whole(language: str, text: str, data: st.DataObject) -> None:
    lexicon, lines = lexicon_for(language, ""), LineIndex.of(text)
    start, stop = sorted(data.draw(st.tuples(*[st.integers(0, len(text))] * 2)))
    assert scan_lines(lexicon, text, start, stop, lines) == list(scan(lexicon, text, start, stop, State()))
