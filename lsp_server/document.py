"""The text of an open file, as the editor sees it, with its version and its syntax tree."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from lsp_server.line_index import LineIndex
from lsp_server.position import Encoding, Position, code_points, joined, units
from lsp_server.syntax.languages import Grammar, grammar_for
from lsp_server.syntax.replacement import Replacement
from lsp_server.syntax.tree import Edit, SyntaxTree, parse

# Beyond this a document has no tree, and everything works by windows of its text.
MAX_PARSED = 2_000_000


class StaleVersion(Exception):  # noqa: N818  # the name says what is wrong
    """A change does not follow the document's version; the document waits for its full text."""


@dataclass(frozen=True, slots=True)
class Change:
    """One content change: `text` in the place of [start, end), or of everything where both are None."""

    text: str
    start: Position | None = None
    end: Position | None = None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A document at one version. Immutable: a reader may keep it while the document moves on."""

    uri: str
    version: int
    language: str
    text: str
    lines: LineIndex = field(repr=False)
    tree: SyntaxTree | None = field(repr=False)

    @property
    def grammar(self) -> Grammar | None:
        """What is known of the document's language; set even where the document is too large for a tree."""
        return grammar_for(self.language, self.uri)

    @property
    def newline(self) -> str:
        """The line end in use: that of the first line."""
        if len(self.lines) == 1:
            return "\n"
        start = self.lines.start(1)
        if self.text[start - 2 : start] == "\r\n":
            return "\r\n"
        return self.text[start - 1]

    def line_start(self, offset: int) -> int:
        """Where the line of `offset` begins."""
        return self.lines.start(self.lines.line_at(offset))

    def line_end(self, offset: int) -> int:
        """Where the line of `offset` ends, before its line end."""
        return self._end_of(self.lines.line_at(offset))

    def line(self, number: int) -> str:
        """The text of a line without its line end. Raises IndexError for a line that is not there."""
        return self.text[self.lines.start(number) : self._end_of(number)]

    def offset(self, position: Position, encoding: Encoding = "utf-16") -> int:
        """The offset of a position, clamped: past a line's end is its end, past the last line the text's end.

        A position inside a character is the one before that character.
        """
        return self._locate(position, encoding)[0]

    def position(self, offset: int, encoding: Encoding = "utf-16") -> Position:
        r"""The position of an offset, clamped into the text; between \r and \n is the end of the line."""
        offset = min(max(offset, 0), len(self.text))
        line = self.lines.line_at(offset)
        end = min(offset, self._end_of(line))
        return Position(line, units(self.text[self.lines.start(line) : end], encoding))

    def edited(self, change: Change, encoding: Encoding = "utf-16") -> "Snapshot":
        """The document as one change would leave it, parsed incrementally; nothing moves on to it."""
        return _edited(self, (change,), self.version, encoding)

    def _end_of(self, line: int) -> int:
        if line + 1 == len(self.lines):
            return len(self.text)
        end = self.lines.start(line + 1) - 1
        return end - 1 if self.text[end] == "\n" and end and self.text[end - 1] == "\r" else end

    def _locate(self, position: Position, encoding: Encoding) -> tuple[int, int]:
        """The offset of a position, and how many code units of the character there lie before it."""
        if position.line >= len(self.lines):
            return len(self.text), 0
        start = self.lines.start(position.line)
        count, rest = code_points(
            self.text[start : self._end_of(position.line)], position.character, encoding
        )
        return start + count, rest


class Document:
    """The one writer of a text: applies the editor's changes and hands out snapshots."""

    def __init__(
        self, uri: str, language: str, version: int, text: str, encoding: Encoding = "utf-16"
    ) -> None:
        """`language` is the protocol's languageId; `encoding` is what the positions in changes count."""
        self.encoding = encoding
        self.needs_resync = False
        self._snapshot = _opened(uri, language, version, joined(text))

    @property
    def snapshot(self) -> Snapshot:
        """The document as of its last accepted change."""
        return self._snapshot

    def apply(self, changes: Sequence[Change], version: int) -> Snapshot:
        """Apply the changes of one notification, each to the text that the one before it left.

        Raises StaleVersion, and changes nothing, where `version` is not above the present one; from then on
        every change is refused but one that brings the full text, whatever its version.
        """
        whole = max((i for i, change in enumerate(changes) if change.start is None), default=-1)
        if self.needs_resync and whole < 0:
            raise StaleVersion(f"{self._snapshot.uri} waits for its full text")
        if version <= self._snapshot.version and not self.needs_resync:
            self.needs_resync = True
            raise StaleVersion(f"{self._snapshot.uri}: version {version} after {self._snapshot.version}")
        snapshot = self._snapshot
        if whole >= 0:
            snapshot = _opened(snapshot.uri, snapshot.language, version, joined(changes[whole].text))
            changes = changes[whole + 1 :]
        self._snapshot = _edited(snapshot, changes, version, self.encoding)
        self.needs_resync = False
        return self._snapshot


def _opened(uri: str, language: str, version: int, text: str) -> Snapshot:
    return Snapshot(
        uri, version, language, text, LineIndex.of(text), _parsed(text, grammar_for(language, uri))
    )


def _parsed(text: str, grammar: Grammar | None) -> SyntaxTree | None:
    if grammar is None or len(text) > MAX_PARSED or "\0" in text:
        return None
    return parse(text, grammar)


def _edited(before: Snapshot, changes: Sequence[Change], version: int, encoding: Encoding) -> Snapshot:
    """The snapshot after incremental `changes`. The tree is reparsed once, after the last of them.

    A document that lost its tree (too large, binary, too slow to parse) gets none until its full text comes
    again: trying at every keystroke is what would make it slow.
    """
    if not changes:
        return replace(before, version=version)
    text, lines = before.text, before.lines
    edit = Edit(before.tree) if before.tree is not None else None
    for change in changes:
        at = Snapshot(before.uri, version, before.language, text, lines, None)
        replacement = _resolved(at, change, encoding).trimmed(text)
        text = replacement.applied(text)
        lines = lines.edited(text, replacement.start, replacement.end, len(replacement.text))
        if "\0" in replacement.text:
            edit = None
        if edit is not None:
            edit.replace(replacement, text)
    tree = edit.parsed() if edit is not None and len(text) <= MAX_PARSED else None
    return Snapshot(before.uri, version, before.language, text, lines, tree)


def _resolved(at: Snapshot, change: Change, encoding: Encoding) -> Replacement:
    """The change in offsets, so that the text stays what a UTF-16 editor holds.

    A range may end inside a surrogate pair, whose other half stays; and a half that comes to stand beside its
    counterpart makes one character with it.
    """
    if change.start is None or change.end is None:
        raise ValueError("a change has both ends of a range or none")
    first, last = sorted((change.start, change.end))
    start, before = at._locate(first, encoding)
    end, inside = at._locate(last, encoding)
    text, halves = change.text, encoding == "utf-16"
    if halves and before:
        text = _halves(at.text[start])[0] + text
    if halves and inside:
        text += _halves(at.text[end])[1]
        end += 1
    text = joined(text)
    if text and start and _is_high(at.text[start - 1]) and _is_low(text[0]):
        start, text = start - 1, joined(at.text[start - 1] + text)
    if text and end < len(at.text) and _is_high(text[-1]) and _is_low(at.text[end]):
        text, end = joined(text + at.text[end]), end + 1
    if (
        not text
        and start > 0
        and end < len(at.text)
        and _is_high(at.text[start - 1])
        and _is_low(at.text[end])
    ):
        text, start, end = joined(at.text[start - 1] + at.text[end]), start - 1, end + 1
    return Replacement(start, end, text)


def _halves(character: str) -> tuple[str, str]:
    data = character.encode("utf-16-le")
    return data[:2].decode("utf-16-le", "surrogatepass"), data[2:].decode("utf-16-le", "surrogatepass")


def _is_high(character: str) -> bool:
    return "\ud800" <= character <= "\udbff"


def _is_low(character: str) -> bool:
    return "\udc00" <= character <= "\udfff"
