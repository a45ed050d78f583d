"""Where one is in a file: the headers of the scopes around a place, and what the file imports."""

import re

from tree_sitter import Node

from lsp_server.document import Snapshot
from lsp_server.syntax.indentation import opens_block, width
from lsp_server.syntax.nodes import IMPORTS, SCOPES
from lsp_server.syntax.tree import SyntaxTree, children

# A signature longer than this says enough with its beginning.
MAX_HEADER_LINES = 6
# Imports stand at the top; how many nodes and lines to look at there.
_MAX_TOP = 200
_MAX_CLIMB = 2_000
# What opens a block and is no scope.
_CONTROL = re.compile(
    r"[\s}]*(?:(?:if|elif|elsif|else|for|foreach|while|until|unless|switch|match|case|default|try|catch|except"
    r"|finally|with|do|begin|loop|unsafe|select|async\s+(?:for|with))\b|#)"
)
_IMPORT = re.compile(r"(?:import|from|#\s*include|use|using|package|require|library|open)\b")


def headers(snapshot: Snapshot, offset: int) -> list[tuple[int, int]]:
    """The headers of the scopes around the line of `offset`, outermost first, as extents of whole lines.

    A scope that begins on that line or behind it is not around it.
    """
    start = snapshot.line_start(offset)
    if snapshot.tree is None:
        return _climb(snapshot, start)
    tree = snapshot.tree
    path = tree.path(_first_code(tree, start))
    if any(node.is_error for node in path):
        return _climb(snapshot, start)
    found: list[tuple[int, int]] = []
    for node in path[1:]:
        if node.type not in SCOPES:
            continue
        extent = _header(snapshot, tree, node)
        if extent[1] <= start and (not found or extent[0] >= found[-1][1]):
            found.append(extent)
    return found


def imports(snapshot: Snapshot, offset: int) -> list[tuple[int, int]]:
    """The extents, in whole lines, of the file's imports that lie before `offset`, in order."""
    if snapshot.tree is None:
        return _import_lines(snapshot, offset)
    found = []
    for count, node in enumerate(children(snapshot.tree.root)):
        start = snapshot.tree.offset(node.start_byte)
        if count == _MAX_TOP or start >= offset:
            break
        if node.type in IMPORTS and not node.has_error:
            found.append(_lines(snapshot, start, snapshot.tree.offset(node.end_byte)))
    return [extent for extent in found if extent[1] <= offset]


def _first_code(tree: SyntaxTree, start: int) -> int:
    """The byte of the first character at or behind `start` that is not blank; blanks are outer nodes'."""
    match = re.compile(r"\S").search(tree.text, start)
    return tree.byte(match.start() if match else start)


def _header(snapshot: Snapshot, tree: SyntaxTree, node: Node) -> tuple[int, int]:
    """From the line on which a scope begins (decorators included) to the one on which its body does."""
    body = node.child_by_field_name("body")
    start = tree.offset(node.start_byte)
    end = start if body is None else tree.offset(body.start_byte)
    last = snapshot.lines.line_at(end)
    if body is not None and not snapshot.text[snapshot.lines.start(last) : end].strip():
        # A body that begins a line of its own, as Python's do, is not part of the header; a brace may be.
        last = max(snapshot.lines.line_at(start), last - (snapshot.text[end : end + 1] != "{"))
    first = snapshot.lines.line_at(start)
    return _line_extent(snapshot, first, min(last, first + MAX_HEADER_LINES - 1))


def _climb(snapshot: Snapshot, start: int) -> list[tuple[int, int]]:
    """By indentation: going up, each line that opens a block and is indented less than all before it."""
    number = snapshot.lines.line_at(start)
    here = next(
        (
            snapshot.line(i)
            for i in range(number, min(number + 50, len(snapshot.lines)))
            if snapshot.line(i).strip()
        ),
        "",
    )
    limit = width(here)
    found: list[tuple[int, int]] = []
    for above in range(number - 1, max(-1, number - _MAX_CLIMB), -1):
        if limit == 0:
            break
        line = snapshot.line(above)
        if line.strip() and width(line) < limit:
            limit = width(line)
            first = _begin_of_header(snapshot, above, line)
            if opens_block(line, words=True) and not _CONTROL.match(snapshot.line(first)):
                found.append(_line_extent(snapshot, first, min(above, first + MAX_HEADER_LINES - 1)))
    return found[::-1]


def _begin_of_header(snapshot: Snapshot, number: int, line: str) -> int:
    """The first line of a header whose last one is `) -> int:` or a brace alone; else that line itself."""
    if line.lstrip()[0] not in ")]{":
        return number
    for above in range(number - 1, max(-1, number - 50), -1):
        candidate = snapshot.line(above)
        if candidate.strip() and width(candidate) <= width(line) and candidate.lstrip()[0] not in ")]{}":
            return above
    return number


def _import_lines(snapshot: Snapshot, offset: int) -> list[tuple[int, int]]:
    last = min(snapshot.lines.line_at(offset), _MAX_TOP)
    return [
        _line_extent(snapshot, number, number)
        for number in range(last)
        if _IMPORT.match(snapshot.line(number))
    ]


def _lines(snapshot: Snapshot, start: int, end: int) -> tuple[int, int]:
    """The extent of the lines that hold [start, end)."""
    last = snapshot.lines.line_at(max(start, end - 1))
    return _line_extent(snapshot, snapshot.lines.line_at(start), last)


def _line_extent(snapshot: Snapshot, first: int, last: int) -> tuple[int, int]:
    end = snapshot.lines.start(last + 1) if last + 1 < len(snapshot.lines) else len(snapshot.text)
    return snapshot.lines.start(first), end
