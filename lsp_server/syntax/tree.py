"""A text and its tree-sitter tree, kept together, immutable.

Trees are parsed from UTF-8: most source is ASCII, where byte offsets are then offsets; UTF-16 would cost
every document a factor of two.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from time import thread_time

from tree_sitter import Node, Parser, Tree

from lsp_server.syntax.languages import Grammar, language
from lsp_server.syntax.replacement import Replacement
from lsp_server.syntax.utf8 import Utf8

# A 2 MB Python file parses in 0.5 s; 200 kB of alternating quotes take tree-sitter's C grammar 3 s.
PARSE_SECONDS = 2.0
# An edit reparses in 17 ms in 1 MB of Python, but in 370 ms in a line of 900 kB; typing waits for it.
REPARSE_SECONDS = 0.25
# Deeper than any source: 200 kB of "(" nest 200,000 nodes deep, and a walk down them would take seconds.
MAX_DEPTH = 1000
# An edit is told to go on into the next token. Behind the last statement of an indented block tree-sitter
# 0.26 takes over no node before which the scanner's state differs, but skips it, and with it up to all that
# follows; into a node that has changed it descends. A letter typed there in 68 kB of Python made the parser
# call back 417 times, and 18 times so.
_NEXT_TOKEN = re.compile(r"\s{0,1000}\S")
_READ = 1 << 16


@dataclass(frozen=True, slots=True)
class SyntaxTree:
    """`tree` is the parse of `utf8.data`; nobody may call `tree.edit` on it."""

    utf8: Utf8
    tree: Tree
    grammar: Grammar

    @property
    def text(self) -> str:
        """The text that was parsed."""
        return self.utf8.text

    @property
    def root(self) -> Node:
        """The node of the whole text."""
        return self.tree.root_node

    def byte(self, offset: int) -> int:
        """The byte offset of a code-point offset."""
        return self.utf8.byte(offset)

    def offset(self, byte: int) -> int:
        """The code-point offset of a byte offset, which must lie between characters, as those of nodes do."""
        return self.utf8.offset(byte)

    def source(self, node: Node) -> str:
        """The text of a node."""
        return self.utf8.data[node.start_byte : node.end_byte].decode()

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

    def replaced(self, change: Replacement, seconds: float = REPARSE_SECONDS) -> "SyntaxTree | None":
        """The tree of the text after a replacement, reparsed incrementally; None when that takes too long."""
        edit = Edit(self)
        edit.replace(change, change.applied(self.text))
        return edit.parsed(seconds)


class Edit:
    """A tree on its way through replacements, one after another; it is parsed again once, after the last."""

    def __init__(self, old: SyntaxTree) -> None:
        """`old` stays as it is."""
        self._tree = old.tree.copy()
        self._utf8 = old.utf8
        self._grammar = old.grammar

    def replace(self, change: Replacement, text: str) -> None:
        """Take one more replacement; `text` is what it leaves."""
        before, after = self._utf8, self._utf8.replaced(change, text)
        new_end = change.start + len(change.text)
        wider = _NEXT_TOKEN.match(text, new_end)
        more = len(wider[0]) if wider else 0
        self._tree.edit(
            before.byte(change.start),
            before.byte(change.end + more),
            after.byte(new_end + more),
            before.point(change.start),
            before.point(change.end + more),
            after.point(new_end + more),
        )
        self._utf8 = after

    def parsed(self, seconds: float = REPARSE_SECONDS) -> SyntaxTree | None:
        """The tree of the text as it is now; None when so many seconds of CPU time do not suffice."""
        tree = _run(self._utf8.data, self._grammar, self._tree, seconds)
        return None if tree is None else SyntaxTree(self._utf8, tree, self._grammar)


def parse(text: str, grammar: Grammar) -> SyntaxTree | None:
    """Parse a whole text. None when that takes more than PARSE_SECONDS of CPU time."""
    utf8 = Utf8.of(text)
    tree = _run(utf8.data, grammar, None, PARSE_SECONDS)
    return None if tree is None else SyntaxTree(utf8, tree, grammar)


def parse_data(data: bytes, grammar: Grammar, seconds: float) -> Tree | None:
    """The tree of a file's bytes, for reading once. None when that takes more than `seconds` of CPU time."""
    return _run(data, grammar, None, seconds)


def children(node: Node) -> Iterator[Node]:
    """The children of a node one by one; `Node.children` builds them all, and a root may have thousands."""
    cursor = node.walk()
    more = cursor.goto_first_child()
    while more:
        child = cursor.node
        if child is not None:
            yield child
        more = cursor.goto_next_sibling()


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
