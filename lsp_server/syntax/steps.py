"""Ways down a tree, with the field that each node fills in its parent: what an identifier is there for."""

from collections.abc import Iterator
from dataclasses import dataclass

from tree_sitter import Node

from lsp_server.syntax.tree import MAX_DEPTH, SyntaxTree


@dataclass(frozen=True, slots=True)
class Step:
    """A node and the name of the field that it is in its parent, "" for none."""

    node: Node
    field: str

    @property
    def type(self) -> str:
        return self.node.type


Way = tuple[Step, ...]
"""From the root down to a node."""


def way_to(tree: SyntaxTree, start: int, end: int) -> Way:
    """To the smallest node that holds the bytes [start, end), not empty; MAX_DEPTH steps at most."""
    cursor = tree.tree.walk()
    way = [Step(tree.root, "")]
    while len(way) < MAX_DEPTH and cursor.goto_first_child_for_byte(start) is not None:
        node = cursor.node
        if node is None or node.start_byte > start or node.end_byte < end:
            break
        way.append(Step(node, cursor.field_name or ""))
    return tuple(way)


def ways_within(tree: SyntaxTree, start: int, end: int) -> Iterator[Way]:
    """To every node that shares a byte with [start, end), in the order of the text, outer ones first."""
    cursor = tree.tree.walk()
    way = [Step(tree.root, "")]
    yield tuple(way)
    while True:
        if len(way) < MAX_DEPTH and cursor.goto_first_child_for_byte(start) is not None:
            pass
        else:
            while not cursor.goto_next_sibling():
                if not cursor.goto_parent():
                    return
                way.pop()
            way.pop()
        node = cursor.node
        if node is None or node.start_byte >= end:
            return
        way.append(Step(node, cursor.field_name or ""))
        yield tuple(way)
