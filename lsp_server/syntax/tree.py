"""A text and its tree-sitter tree, kept together, immutable.

Trees are parsed from UTF-8: most source is ASCII, where byte offsets are then offsets, and for the rest a
conversion is one C-speed encode; UTF-16 would cost every document a factor of two. A lone surrogate reads
as U+FFFD, which has as many bytes: some grammars end a node in the midst of bytes that are no UTF-8.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from time import thread_time

from tree_sitter import Node, Parser, Tree

from lsp_server.syntax.languages import Grammar, language

# A 2 MB Python file parses in 0.5 s; 200 kB of alternating quotes take tree-sitter's C grammar 3 s.
PARSE_SECONDS = 2.0
# An edit reparses in 17 ms in 1 MB of Python, but in 370 ms in a line of 900 kB; typing waits for it.
REPARSE_SECONDS = 0.25
# Deeper than any source: 200 kB of "(" nest 200,000 nodes deep, and a walk down them would take seconds.
MAX_DEPTH = 1000
_READ = 1 << 16
_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Replacement:
    """`text` in the place of [start, end), offsets of the text before it."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class SyntaxTree:
    """`tree` is the parse of `data`, the UTF-8 form of `text`; nobody may call `tree.edit` on it."""

    text: str
    data: bytes
    tree: Tree
    grammar: Grammar

    @property
    def root(self) -> Node:
        return self.tree.root_node

    def byte(self, offset: int) -> int:
        """The byte offset of a code-point offset."""
        if len(self.data) == len(self.text):
            return offset
        return len(_encoded(self.text[:offset]))

    def offset(self, byte: int) -> int:
        """The code-point offset of a byte offset, which must lie between characters, as those of nodes do."""
        if len(self.data) == len(self.text):
            return byte
        return len(self.data[:byte].decode())

    def source(self, node: Node) -> str:
        """The text of a node."""
        return self.data[node.start_byte : node.end_byte].decode()

    def path(self, start: int, end: int | None = None) -> list[Node]:
        """The nodes that contain the bytes [start, end], from the root down; at most MAX_DEPTH of them.

        An empty range at the seam of two nodes goes to the right one. `Node.parent` searches from the root
        at each call, so a walk upwards would be quadratic in the depth.
        """
        end = start if end is None else end
        cursor = self.tree.walk()
        nodes = [self.root]
        while len(nodes) < MAX_DEPTH:
            if cursor.goto_first_child_for_byte(start) is None:
                break
            node = cursor.node
            if node is None or node.start_byte > start or node.end_byte < end:
                break
            nodes.append(node)
        return nodes

    def replaced(self, replacement: Replacement) -> "SyntaxTree | None":
        """The tree of the text after a replacement, reparsed incrementally; None when that takes too long."""
        return replaced(self, (replacement,))


def parse(text: str, grammar: Grammar) -> SyntaxTree | None:
    """Parse a whole text. None when that takes more than PARSE_SECONDS of CPU time."""
    data = _encoded(text)
    tree = _run(data, grammar, None, PARSE_SECONDS)
    return None if tree is None else SyntaxTree(text, data, tree, grammar)


def replaced(old: SyntaxTree, replacements: tuple[Replacement, ...]) -> SyntaxTree | None:
    """Apply `replacements` one after another, then reparse once. None when REPARSE_SECONDS do not suffice."""
    tree = old.tree.copy()
    data = old.data
    text = old.text
    for change in replacements:
        ascii_only = len(data) == len(text)
        start = change.start if ascii_only else len(_encoded(text[: change.start]))
        removed = text[change.start : change.end]
        end = start + len(_encoded(removed))
        inserted = _encoded(change.text)
        after = data[:start] + inserted + data[end:]
        tree.edit(
            start,
            end,
            start + len(inserted),
            _point(data, start),
            _point(data, end),
            _point(after, start + len(inserted)),
        )
        text = text[: change.start] + change.text + text[change.end :]
        data = after
    new = _run(data, old.grammar, tree, REPARSE_SECONDS)
    return None if new is None else SyntaxTree(text, data, new, old.grammar)


def children(node: Node) -> Iterator[Node]:
    """The children of a node one by one; `Node.children` builds them all, and a root may have thousands."""
    cursor = node.walk()
    more = cursor.goto_first_child()
    while more:
        child = cursor.node
        if child is not None:
            yield child
        more = cursor.goto_next_sibling()


def _encoded(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        return _SURROGATE.sub("\ufffd", text).encode()


def _point(data: bytes, byte: int) -> tuple[int, int]:
    r"""tree-sitter's own row and column of a byte: its rows end at \n alone."""
    return data.count(b"\n", 0, byte), byte - data.rfind(b"\n", 0, byte) - 1


def _run(data: bytes, grammar: Grammar, old: Tree | None, seconds: float) -> Tree | None:
    deadline = thread_time() + seconds

    def read(byte: int, _: object) -> bytes:
        return data[byte : byte + _READ]

    def late(_: int, __: bool) -> bool:
        return thread_time() > deadline

    parser = Parser(language(grammar.name))
    try:
        if old is None:
            return parser.parse(read, progress_callback=late)
        return parser.parse(read, old, progress_callback=late)
    except ValueError:  # the binding's only way to say that `late` stopped it
        return None
