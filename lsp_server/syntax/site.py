"""What surrounds a cursor: what is open there, and which of it the text behind the cursor closes."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from lsp_server.document import Snapshot
from lsp_server.syntax.indentation import width
from lsp_server.syntax.languages import lexicon_for
from lsp_server.syntax.lexicon import Lexicon
from lsp_server.syntax.scan import Event, Kind, State, scan, scan_lines

# How far to read before and behind the cursor. 8,000 characters are some 200 lines and read in about 2 ms.
REACH = 8_000
# Types of nodes that hold text rather than code.
_TEXT = re.compile("string|comment|template_")
# A line that begins code at the outermost level: a word or decorator at column 0, but not a label.
_OUTERMOST = re.compile(r"^(?!\w+:\s*$)[A-Za-z_@]", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Site:
    """A cursor and its surroundings.

    `closed_at[i]` is the offset at which the text behind the cursor closes `state.stack[i]`, or None if it
    does not. `header` to `header_end` is the last logical line (brackets joined) that has code before the
    cursor. `statement` is where the logical line of the cursor itself begins, or None
    where that is out of reach.
    """

    snapshot: Snapshot
    offset: int
    lexicon: Lexicon
    state: State
    closed_at: tuple[int | None, ...]
    string_closed: bool
    header: int
    header_end: int
    statement: int | None

    @property
    def before(self) -> str:
        """The cursor's line, up to the cursor."""
        return self.snapshot.text[self.snapshot.line_start(self.offset) : self.offset]

    @property
    def rest(self) -> str:
        """The cursor's line, from the cursor on."""
        return self.snapshot.text[self.offset : self.snapshot.line_end(self.offset)]

    @property
    def in_comment(self) -> bool:
        """Whether the cursor is in a comment."""
        return self.state.inside is not None and self.state.inside.comment

    @property
    def header_line(self) -> str:
        """The first physical line of the header."""
        return self.snapshot.text[self.header : self.snapshot.line_end(self.header)]

    def unclosed(self, since: int) -> int:
        """How many brackets, the innermost first, are open and stay so unless a completion closes them.

        A brace that was opened before `since` is that of a block around the statement, and no concern of it.
        """
        count = 0
        for opening, closed in zip(reversed(self.state.stack), reversed(self.closed_at), strict=True):
            if closed is not None or (opening.mark[-1] == "{" and opening.offset < since):
                break
            count += 1
        return count

    def next_line(self) -> str:
        """The next line behind the cursor's that is not blank; "" at the end."""
        at = self.snapshot.line_end(self.offset)
        match = re.compile(r"[^\S\r\n]*\S[^\r\n]*").search(self.snapshot.text, at, at + REACH)
        return match.group() if match else ""


def survey(snapshot: Snapshot, offset: int) -> Site:
    """Look around the cursor at `offset`."""
    lexicon = lexicon_for(snapshot.language, snapshot.uri)
    start = _anchor(snapshot, offset)
    events = scan_lines(lexicon, snapshot.text, start, offset, snapshot.lines)
    state = events[-1].after if events else State()
    string_closed = _closes(lexicon, snapshot, offset, state)
    # An open string that nothing behind the cursor closes is the completion's to close.
    behind = state if string_closed or state.inside is None else State(state.stack)
    return Site(
        snapshot,
        offset,
        lexicon,
        state,
        _partners(lexicon, snapshot, offset, behind),
        string_closed,
        *_header(snapshot, start, offset, events, len(state.stack), lexicon.line_comment()),
        _statement(snapshot, start, offset, events),
    )


def _anchor(snapshot: Snapshot, offset: int) -> int:
    """A place before the cursor where at most outer blocks are open: code at column 0, if in reach."""
    text = snapshot.text
    low = max(0, offset - REACH)
    starts = [match.start() for match in _OUTERMOST.finditer(text, low, offset)]
    for start in reversed(starts):
        if start and text[start - 1] not in "\r\n":
            continue
        if _behind_text(snapshot, start) == start:
            return start
    return _behind_text(snapshot, max(snapshot.line_start(low), low - REACH))


def _behind_text(snapshot: Snapshot, offset: int) -> int:
    """The end of the string or comment around `offset`, by the tree; `offset` itself where that is code."""
    if snapshot.tree is None:
        return offset
    at = snapshot.tree.byte(offset)
    for node in snapshot.tree.path(at):
        if _TEXT.search(node.type) and node.start_byte < at:
            return snapshot.tree.offset(node.end_byte)
    return offset


def _closes(lexicon: Lexicon, snapshot: Snapshot, offset: int, state: State) -> bool:
    """Whether the text behind the cursor closes the comment or string that the cursor stands in.

    A closing mark is another's where that other opens before it: "/* a", then "/* b */". Where one mark does
    both, one with a word behind it opens.
    """
    if state.inside is None or state.inside.closing == "\n":
        return False
    stop = offset + REACH if state.inside.multiline else snapshot.line_end(offset)
    events = scan(lexicon, snapshot.text, offset, min(stop, len(snapshot.text)), state)
    end = next((event for event in events if event.kind is Kind.END), None)
    if end is None:
        return False
    if state.inside.opening != state.inside.closing:
        return state.inside.opening not in snapshot.text[offset : end.start]
    return not (state.inside.multiline and re.match(r"\w", snapshot.text[end.end : end.end + 1]))


def _partners(lexicon: Lexicon, snapshot: Snapshot, offset: int, state: State) -> tuple[int | None, ...]:
    """Where the text behind the cursor closes each open bracket.

    A bracket that begins a line and stands further left than the line that opened its partner is taken for an
    outer one's partner: code that is being written lacks brackets, and its author indents.
    """
    text, opened = snapshot.text, state.stack
    stop = min(len(text), offset + REACH)
    partners: list[int | None] = [None] * len(opened)
    first_line_end = snapshot.line_end(offset)
    at = offset
    while state.stack:
        event = _next_close(scan(lexicon, text, at, stop, state), len(state.stack))
        if event is None:
            break
        depth = len(event.after.stack)
        line = text[snapshot.line_start(event.start) : event.start]
        if event.start > first_line_end and not line.strip():
            while depth > 0 and width(line) < width(_line_at(snapshot, opened[depth].offset)):
                depth -= 1
        partners[depth] = event.start
        at, state = event.end, State(opened[:depth], opened[depth].resumes, event.start)
    return tuple(partners)


def _next_close(events: Iterator[Event], depth: int) -> Event | None:
    """The first event that closes one of the `depth` brackets that were open before."""
    for event in events:
        if event.kind is Kind.CLOSE and not event.stray and len(event.after.stack) < depth:
            return event
    return None


def _header(
    snapshot: Snapshot, start: int, offset: int, events: list[Event], depth: int, comment: str
) -> tuple[int, int]:
    """The extent of the last logical line that has code before the cursor; a line of comment has none."""
    stop = offset
    for event in reversed(events):
        if event.kind is Kind.NEWLINE and event.after.in_code and len(event.after.stack) <= depth:
            if _has_code(snapshot.text[event.end : stop], comment):
                return event.end, stop
            stop = event.end
    return (start, stop) if _has_code(snapshot.text[start:stop], comment) else (start, start)


def _has_code(text: str, comment: str) -> bool:
    line = text.strip()
    return bool(line) and not (comment and line.startswith(comment))


def _statement(snapshot: Snapshot, start: int, offset: int, events: list[Event]) -> int | None:
    """Behind the last line end at which nothing is open and no backslash joins the lines.

    Only code at column 0 is known to have nothing open before it.
    """
    if start > offset or not (start == 0 or _OUTERMOST.match(snapshot.text, start)):
        return None
    for event in reversed(events):
        ends = event.kind is Kind.NEWLINE and event.after.in_code and not event.after.stack
        if ends and snapshot.text[event.start - 1 : event.start] != "\\":
            return event.end
    return start


def _line_at(snapshot: Snapshot, offset: int) -> str:
    return snapshot.text[snapshot.line_start(offset) : offset]
