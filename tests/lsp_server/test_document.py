"""Documents against an editor of UTF-16 code units, whatever is edited in whatever order."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from lsp_server.document import MAX_PARSED, Change, Document, StaleVersion
from lsp_server.position import Encoding, Position, units
from lsp_server.syntax.tree import parse
from tests.lsp_server.utf16 import Utf16Editor, to_text, to_units

URI = "file:///a.py"
# Every kind of line end, what only looks like one, and characters of each length in each encoding.
PIECES = st.sampled_from(
    [
        "\n", "\r\n", "\r", "\f", "\v", "\x1c", "\x85", "\u2028", "\u2029", "a", "é", "中", "😀", "👩‍💻",
        "\ud83d", "\ude00", "\ufeff", "\0", "x = 1", "def f(a):\n    return (", ")", "'", '"""', "    ", "\t",
        "# ", "if x:\n",
    ]
)  # fmt: skip
TEXTS = st.lists(PIECES, max_size=12).map("".join)
POSITIONS = st.tuples(st.integers(0, 12), st.integers(0, 12))


class Edits(RuleBasedStateMachine):
    """The document and the editor take the same edits."""

    @initialize(text=TEXTS)
    def open(self, text: str) -> None:
        self.editor = Utf16Editor(to_units(text))
        self.document = Document(URI, "python", 1, text)
        self.kept = [(self.document.snapshot, self._what(self.document))]

    @rule(edits=st.lists(st.tuples(POSITIONS, POSITIONS, TEXTS), min_size=1, max_size=3))
    def edit(self, edits: list[tuple[tuple[int, int], tuple[int, int], str]]) -> None:
        changes = [Change(text, Position(*start), Position(*end)) for start, end, text in edits]
        for start, end, text in edits:
            self.editor.replace(start, end, text)
        self.document.apply(changes, self.document.snapshot.version + 1)
        self.kept.append((self.document.snapshot, self._what(self.document)))

    @rule(text=TEXTS, after=st.tuples(POSITIONS, TEXTS))
    def replace_everything(self, text: str, after: tuple[tuple[int, int], str]) -> None:
        position, more = after
        changes = [Change("lost"), Change(text), Change(more, Position(*position), Position(*position))]
        self.editor = Utf16Editor(to_units(text))
        self.editor.replace(position, position, more)
        self.document.apply(changes, self.document.snapshot.version + 7)

    @invariant()
    def holds_the_same_text(self) -> None:
        assert self.document.snapshot.text == to_text(self.editor.units)

    @invariant()
    def finds_the_same_lines(self) -> None:
        snapshot = self.document.snapshot
        extents = self.editor.lines()
        assert [snapshot.line(i) for i in range(len(snapshot.lines))] == [
            to_text(self.editor.units[start:end]) for start, end in extents
        ]
        starts = [len(to_text(self.editor.units[:start])) for start, _ in extents]
        assert [snapshot.lines.start(i) for i in range(len(snapshot.lines))] == starts
        for offset in range(len(snapshot.text) + 1):
            assert snapshot.lines.line_at(offset) == max(i for i, s in enumerate(starts) if s <= offset)

    @invariant()
    def finds_the_same_positions(self) -> None:
        snapshot = self.document.snapshot
        for offset in range(len(snapshot.text) + 1):
            unit = len(to_units(snapshot.text[:offset]))
            position = snapshot.position(offset)
            assert (position.line, position.character) == self.editor.position(unit)
            assert self.editor.index(position.line, position.character) in (unit, unit - 1)

    @invariant()
    def has_the_tree_of_a_fresh_parse(self) -> None:
        snapshot = self.document.snapshot
        if snapshot.tree is None:
            return
        assert snapshot.tree.text == snapshot.text
        unpaired = re.sub("[\ud800-\udfff]", "\ufffd", snapshot.text)
        assert snapshot.tree.utf8.data == unpaired.encode()
        assert snapshot.grammar is not None
        fresh = parse(snapshot.text, snapshot.grammar)
        assert fresh is not None
        assert str(snapshot.tree.root) == str(fresh.root)

    def teardown(self) -> None:
        for snapshot, what in self.kept if hasattr(self, "kept") else []:
            tree = snapshot.tree
            assert (snapshot.text, str(tree.root) if tree else None, len(snapshot.lines)) == what

    @staticmethod
    def _what(document: Document) -> tuple[str, str | None, int]:
        tree = document.snapshot.tree
        return document.snapshot.text, str(tree.root) if tree else None, len(document.snapshot.lines)


TestEdits = Edits.TestCase
TestEdits.settings = settings(max_examples=30, stateful_step_count=10, deadline=None)


@given(TEXTS, st.sampled_from(["utf-8", "utf-16", "utf-32"]))
@settings(deadline=None)
def test_offset_and_position_are_inverse(text: str, encoding: Encoding) -> None:
    snapshot = Document(URI, "plaintext", 1, text).snapshot
    for offset in range(len(snapshot.text) + 1):
        position = snapshot.position(offset, encoding)
        within_crlf = snapshot.text[offset - 1 : offset + 1] == "\r\n" and offset > 0
        assert snapshot.offset(position, encoding) == offset - within_crlf
        line = snapshot.line(position.line)
        assert position.character <= units(line, encoding)


@given(TEXTS, st.integers(0, 12), st.integers(0, 12), st.sampled_from(["utf-8", "utf-16", "utf-32"]))
@settings(deadline=None)
def test_a_position_inside_a_character_is_the_one_before_it(
    text: str, line: int, character: int, encoding: Encoding
) -> None:
    snapshot = Document(URI, "plaintext", 1, text).snapshot
    offset = snapshot.offset(Position(line, character), encoding)
    found = snapshot.position(offset, encoding)
    if line >= len(snapshot.lines):
        assert offset == len(snapshot.text)
    else:
        assert found.line == line
        length = units(snapshot.line(line), encoding)
        assert min(character, length) - 3 <= found.character <= character


@pytest.mark.parametrize(
    ("encoding", "character", "offset"),
    [("utf-8", 0, 0), ("utf-8", 1, 0), ("utf-8", 4, 1), ("utf-8", 7, 2), ("utf-8", 8, 2), ("utf-8", 99, 2),
     ("utf-16", 1, 0), ("utf-16", 2, 1), ("utf-16", 3, 2), ("utf-32", 1, 1), ("utf-32", 2, 2)],
)  # fmt: skip
def test_each_encoding_counts_its_own_units(encoding: Encoding, character: int, offset: int) -> None:
    assert Document(URI, "python", 1, "😀中\n").snapshot.offset(Position(0, character), encoding) == offset


def test_a_position_past_the_line_is_its_end_and_past_the_last_line_the_end_of_the_text() -> None:
    snapshot = Document(URI, "python", 1, "ab\r\ncd").snapshot
    assert snapshot.offset(Position(0, 100)) == 2
    assert snapshot.offset(Position(100, 0)) == 6


@pytest.mark.parametrize(("line", "character"), [(-1, 0), (0, -1)])
def test_a_position_is_never_negative(line: int, character: int) -> None:
    with pytest.raises(ValueError, match="negative"):
        Position(line, character)


def test_an_edit_with_utf8_positions() -> None:
    document = Document(URI, "python", 1, "é = '中'\n", encoding="utf-8")
    document.apply([Change("文", Position(0, 6), Position(0, 9))], 2)
    assert document.snapshot.text == "é = '文'\n"


@pytest.mark.parametrize("version", [2, 3])
def test_a_version_that_does_not_follow_is_refused_until_the_full_text_comes(version: int) -> None:
    document = Document(URI, "python", 3, "a\n")
    insert = Change("b", Position(0, 0), Position(0, 0))
    with pytest.raises(StaleVersion):
        document.apply([insert], version)
    assert document.needs_resync
    with pytest.raises(StaleVersion):
        document.apply([insert], 4)
    assert document.snapshot.text == "a\n"
    assert document.snapshot.version == 3
    document.apply([Change("c\n"), insert], version)
    assert document.snapshot.text == "bc\n"
    assert not document.needs_resync


def test_versions_may_skip_numbers() -> None:
    document = Document(URI, "python", 3, "a\n")
    assert document.apply([Change("b", Position(0, 0), Position(0, 0))], 9).version == 9


def test_half_a_range_is_refused_and_changes_nothing() -> None:
    document = Document(URI, "python", 1, "a\n")
    with pytest.raises(ValueError, match="both ends"):
        document.apply([Change("x", Position(0, 0), None)], 2)
    assert document.snapshot.text == "a\n"
    assert document.snapshot.version == 1


@pytest.mark.parametrize("text", ["x = 1\n" * (MAX_PARSED // 6 + 1), "x = 1\n\0\n"])
def test_a_huge_or_binary_document_has_no_tree_and_takes_edits(text: str) -> None:
    document = Document(URI, "python", 1, text)
    assert document.snapshot.tree is None
    line = len(document.snapshot.lines) - 1
    document.apply([Change("y", Position(line, 0), Position(line, 0))], 2)
    assert document.snapshot.text == text + "y"
    assert document.snapshot.line(line) == "y"
    assert document.snapshot.tree is None


def test_a_snapshot_that_is_edited_stays() -> None:
    snapshot = Document(URI, "python", 1, "x = f(中)\n").snapshot
    edited = snapshot.edited(Change("g(", Position(0, 4), Position(0, 7)))
    assert (edited.text, edited.version) == ("x = g()\n", 1)
    assert edited.tree is not None
    assert edited.tree.source(edited.tree.path(4, 7)[-1]) == "g()"
    assert snapshot.text == "x = f(中)\n"
    assert snapshot.tree is not None
    assert snapshot.tree.source(snapshot.tree.root) == snapshot.text


def test_a_document_that_grows_binary_loses_its_tree_and_full_text_brings_it_back() -> None:
    document = Document(URI, "python", 1, "x = 1\n")
    document.apply([Change("\0", Position(0, 0), Position(0, 0))], 2)
    assert document.snapshot.tree is None
    document.apply([Change("x = 2\n")], 3)
    assert document.snapshot.tree is not None


def test_text_that_takes_too_long_to_parse_has_no_tree(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lsp_server.syntax.tree.PARSE_SECONDS", 0.05)
    # Two thirds of a second of error recovery per 50 kB in tree-sitter-c 0.24.
    assert Document("file:///a.c", "c", 1, "\"'" * 100_000).snapshot.tree is None


@pytest.mark.parametrize("text", ["(" * 50_000, "[{" * 50_000])
def test_deep_nesting_is_no_danger(text: str) -> None:
    snapshot = Document("file:///a.js", "javascript", 1, text).snapshot
    assert snapshot.tree is not None
    assert len(snapshot.tree.path(49_999)) <= 1000


@pytest.mark.parametrize(
    ("text", "newline"), [("a\r\nb\n", "\r\n"), ("a\nb\r\n", "\n"), ("a\rb", "\r"), ("", "\n")]
)
def test_the_first_line_end_is_the_documents(text: str, newline: str) -> None:
    assert Document(URI, "python", 1, text).snapshot.newline == newline
