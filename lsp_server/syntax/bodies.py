"""Functions and classes with their bodies: where the body is, and whether it says anything yet."""

from __future__ import annotations

from dataclasses import dataclass

from tree_sitter import Node

from lsp_server.syntax.tree import SyntaxTree, children

_FUNCTION_WORDS = ("function", "method", "constructor")
_CLASSES = ("class_definition",)
_COMMENTS = ("comment", "line_comment", "block_comment")
_PYTHON_STUBS = ("pass_statement", "ellipsis")
_MAX_ERRORS = 1000


@dataclass(frozen=True, slots=True)
class Body:
    """The body of a function or class, in offsets.

    `head_end` is where the header ends: behind the colon of an indented body or the brace of a braced one.
    `stub_start` is where the part begins that says nothing yet: behind a docstring and comments; None where
    the body says something.
    """

    is_function: bool
    braced: bool
    start: int
    head_end: int
    end: int
    stub_start: int | None
    has_docstring: bool


def body_at(tree: SyntaxTree, offset: int) -> Body | None:
    """The body of the innermost function or class that holds `offset`; None outside of any."""
    for node in reversed(tree.path(tree.byte(offset))):
        body = node.child_by_field_name("body")
        if body is None:
            continue
        is_function = any(word in node.type for word in _FUNCTION_WORDS)
        if is_function or node.type in _CLASSES:
            return _braced(tree, node, body) if _opens_brace(body) else _indented(tree, node, body)
    return None


def num_errors(tree: SyntaxTree) -> int:
    """How many places of a text do not parse, counted up to a thousand."""
    if not tree.root.has_error:
        return 0
    errors, cursor = 0, tree.tree.walk()
    while errors < _MAX_ERRORS:
        node = cursor.node
        if node is not None and (node.is_error or node.is_missing):
            errors += 1
        if node is not None and node.has_error and cursor.goto_first_child():
            continue
        while not cursor.goto_next_sibling():
            if not cursor.goto_parent():
                return errors
    return errors


def has_empty_block(tree: SyntaxTree, start: int, end: int) -> bool:
    """Whether an indented block without a statement touches the offsets [start, end].

    tree-sitter's Python grammar reads `if x:` with nothing behind it without an error; Python does not.
    """
    first, last = tree.byte(start), tree.byte(end)
    cursor = tree.tree.walk()
    while True:
        node = cursor.node
        if node is not None and node.start_byte <= last and node.end_byte >= first:
            if node.type == "block" and node.start_byte == node.end_byte:
                return True
            if cursor.goto_first_child():
                continue
        while not cursor.goto_next_sibling():
            if not cursor.goto_parent():
                return False


def _opens_brace(body: Node) -> bool:
    return body.child_count > 0 and body.children[0].type == "{"


def _braced(tree: SyntaxTree, node: Node, body: Node) -> Body:
    inside = [child for child in children(body) if child.is_named]
    last = body.children[-1]
    closed = last.type == "}" and not last.is_missing
    head_end = body.start_byte + 1
    empty = closed and all(child.type in _COMMENTS for child in inside)
    stub = inside[-1].end_byte if inside else head_end
    return Body(
        is_function=node.type not in _CLASSES,
        braced=True,
        start=tree.offset(node.start_byte),
        head_end=tree.offset(head_end),
        end=tree.offset(body.end_byte - 1 if closed else body.end_byte),
        stub_start=tree.offset(stub) if empty else None,
        has_docstring=False,
    )


def _indented(tree: SyntaxTree, node: Node, body: Node) -> Body | None:
    colon = next((child for child in reversed(node.children) if child.type == ":"), None)
    if colon is None:
        return None
    # Comments between the header and the first statement hang on the definition, not on its block.
    leading = [
        child for child in children(node) if child.type in _COMMENTS and child.start_byte > colon.start_byte
    ]
    statements = [child for child in children(body) if child.type not in _COMMENTS]
    docstring = statements[0] if statements and _is_string(statements[0]) else None
    rest = statements[1:] if docstring is not None else statements
    stub = max(
        [colon.end_byte]
        + ([docstring.end_byte] if docstring is not None else [])
        + [
            child.end_byte
            for child in [*leading, *children(body)]
            if child.type in _COMMENTS and not (rest and child.start_byte > rest[0].start_byte)
        ]
    )
    return Body(
        is_function=node.type not in _CLASSES,
        braced=False,
        start=tree.offset(node.start_byte),
        head_end=tree.offset(colon.end_byte),
        end=tree.offset(max(body.end_byte, stub)),
        stub_start=tree.offset(stub) if all(_is_stub(tree, child) for child in rest) else None,
        has_docstring=docstring is not None,
    )


def _is_string(statement: Node) -> bool:
    return statement.type == "string" or (
        statement.type == "expression_statement" and statement.named_child_count == 1
        and (inner := statement.named_child(0)) is not None and inner.type == "string"
    )  # fmt: skip


def _is_stub(tree: SyntaxTree, statement: Node) -> bool:
    if statement.type == "expression_statement" and statement.named_child_count == 1:
        statement = statement.named_children[0]
    if statement.type == "raise_statement":
        return tree.source(statement).startswith("raise NotImplementedError")
    return statement.type in _PYTHON_STUBS
