"""The definitions of a file, from its syntax tree.

Looked for at the top level and inside namespaces and classes, never inside functions: what is local to one
cannot be named from another file.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator

from tree_sitter import Node

from lsp_server.index.comments import first_line
from lsp_server.index.definition import (
    MAX_DEFINITIONS,
    MAX_IMPORTS,
    MAX_NAME,
    MAX_SIGNATURE,
    Contents,
    Definition,
    Import,
    Kind,
)
from lsp_server.index.imports import imports_in
from lsp_server.index.nodes import (
    ATTRIBUTES,
    CLASS_VALUES,
    DECLARATORS,
    FUNCTION_VALUES,
    HOLDERS,
    KINDS,
    WITHIN,
)
from lsp_server.index.plain import plain_contents
from lsp_server.syntax.languages import grammar_for
from lsp_server.syntax.nodes import IMPORTS
from lsp_server.syntax.tree import children, parse_data

# Those whose definitions are read from a tree; in others regular expressions find them.
LANGUAGES = frozenset(
    {"python", "javascript", "typescript", "tsx", "java", "go", "rust", "c", "cpp", "csharp", "ruby", "php"}
)
# Half a second is 2 MB of Python; what takes longer is no source that someone wrote.
PARSE_SECONDS = 0.5
_MAX_DEPTH = 12
_BARE_NAMES = ("name", "identifier", "variable_declaration")
_NAME = re.compile(r"~?[\w$]+[?!=]?\Z")
_LAST_NAME = re.compile(r"(?:.*(?:::|\.|\\))?\s*([\w$]+)\s*(?:<.*)?\Z", re.DOTALL)
_END = re.compile(r"[\s;]+end\Z")  # of a Ruby method without a body
_VALUE = re.compile(r"\s*:?=(?![=>]).*")
_RECEIVER = re.compile(r"\(\s*(?:\w+\s+)?\*?\s*(\w+)")
_SCOPE = re.compile(r"[*&\s]*(?:\w+::)*(\w+)(?:<[^()]*>)?::~?\w+\s*\(")
_CPLUSPLUS = re.compile(rb"^\s*(?:class|namespace|template|public:|private:|using)\b", re.MULTILINE)
_REQUIRE = re.compile(r"(?:require|require_relative|autoload|load)\b|.*\brequire\(", re.DOTALL)


def contents_of(data: bytes, language: str) -> Contents:
    """What a file defines and imports. `language` is a grammar's name, or any other name for plain text.

    Bytes that are no UTF-8 read as U+FFFD. A text that takes longer than PARSE_SECONDS is read as plain.
    """
    if language == "c" and _CPLUSPLUS.search(data[:100_000]):
        language = "cpp"  # a header
    grammar = grammar_for(language, "") if language in LANGUAGES else None
    tree = parse_data(data, grammar, PARSE_SECONDS) if grammar is not None else None
    if tree is None:
        return plain_contents(data, language)
    reader = _Reader(data, language)
    for _ in reader.visit(tree.root_node, "", "", None, 0):
        pass
    return Contents(tuple(reader.definitions[:MAX_DEFINITIONS]), tuple(reader.imports[:MAX_IMPORTS]))


def definitions_in(root: Node, data: bytes, language: str) -> Generator[None, None, tuple[Definition, ...]]:
    """The definitions of a text that has been parsed already, in steps of some 20 µs: what it returns.

    `root` is of the tree of `data` by the grammar named `language`, one of LANGUAGES.
    """
    reader = _Reader(data, language)
    yield from reader.visit(root, "", "", None, 0)
    return tuple(reader.definitions[:MAX_DEFINITIONS])


class _Reader:
    def __init__(self, data: bytes, language: str) -> None:
        self._data = data
        self._language = language
        self.definitions: list[Definition] = []
        self.imports: list[Import] = []

    def visit(self, node: Node, container: str, doc: str, outer: Node | None, depth: int) -> Iterator[None]:
        """Read a node's children, one a step. `doc` is of the comment before it, `outer` a statement that
        wraps it."""
        comment: list[Node] = []
        row = 0  # the last one of the comment, and of the attributes behind it
        first = True
        for child in children(node):
            if len(self.definitions) >= MAX_DEFINITIONS:
                return
            yield
            kind = child.type
            if "comment" in kind:
                comment = [*comment, child] if comment and child.start_point.row <= row + 1 else [child]
            if "comment" in kind or kind in ATTRIBUTES:
                row = _last_row(child)
                continue
            if not child.is_named:
                continue
            about = comment if child.start_point.row <= row + 1 else []
            said = self._said(about) or (doc if first else "")
            comment, first = [], False
            if kind in IMPORTS or self._requires(child):
                self.imports.extend(imports_in(self._text(child), self._language))
            elif kind in KINDS and not (kind in HOLDERS and child.child_count < 2):
                yield from self._define(child, KINDS[kind], container, said, outer, depth)
            elif kind in WITHIN and depth < _MAX_DEPTH:
                inside = self._implementor(child) if kind == "impl_item" else container
                wraps = child if outer is None and kind.endswith(("_statement", "_declaration")) else outer
                yield from self.visit(child, inside, said, wraps, depth + 1)

    def _define(
        self, node: Node, kind: Kind, container: str, doc: str, outer: Node | None, depth: int
    ) -> Iterator[None]:
        body = _body(node)
        found = list(self._names(node))
        if not found or not _defines(node, body, container):
            return
        value = node.child_by_field_name("value") or node.child_by_field_name("right")
        if kind == "constant":
            kind = _kind_of_value(node, value)
        if kind == "function" and container:
            kind = "method"
        if body is None and value is not None:
            body = _body(value) or value
        if self._language == "python" and node.type != "assignment" and body is not None:
            doc = self._docstring(body)
        for name, at in found[:8]:
            self._add(node, name, at, kind, container, doc, outer, body)
        holds = node.type in HOLDERS or (value is not None and value.type in CLASS_VALUES)
        if holds and body is not None and depth < _MAX_DEPTH:
            # Ruby's comment on the first member stands before the body.
            before = [child for child in children(node) if child.type == "comment"]
            yield from self.visit(body, found[0][0], self._said(before), None, depth + 1)

    def _add(
        self, node: Node, name: str, at: int, kind: Kind, container: str, doc: str,
        outer: Node | None, body: Node | None,
    ) -> None:  # fmt: skip
        whole = outer if outer is not None and outer.start_point.row == node.start_point.row else node
        stop = body.start_byte if body is not None and body.start_byte > at else node.end_byte
        header = self._data[whole.start_byte : min(stop, whole.start_byte + 4 * MAX_SIGNATURE)]
        if not container and (holder := self._holder(node)):
            container, kind = holder, "method"
        self.definitions.append(
            Definition(
                name,
                kind,
                _signature(header.decode("utf-8", "replace"), kind),
                doc,
                self._data.rfind(b"\n", 0, at) + 1,
                node.end_byte,
                self._data.count(b"\n", node.start_byte, at) + node.start_point.row,
                node.end_point.row,
                container,
            )
        )

    def _names(self, node: Node) -> Iterator[tuple[str, int]]:
        """Names that a node defines, and the byte of each."""
        named = node.children_by_field_name("name") or node.children_by_field_name("left")
        if node.type == "assignment_expression" and self._text(named[0]) == "module.exports":
            value = node.child_by_field_name("right")
            named = value.children_by_field_name("name") if value is not None else []
        if not named:
            named = node.children_by_field_name("declarator")
        if not named:
            named = [child for child in node.named_children if child.type in _BARE_NAMES][:1]
        for each in named:
            target: Node | None = each
            while target is not None and target.type in DECLARATORS:
                target = _declared(target)
            if target is None or target.type.endswith("_pattern") or target.type == "pattern_list":
                continue
            match = _LAST_NAME.match(self._text(target))
            name = match[1] if match else self._text(target)
            if _NAME.match(name) and len(name) <= MAX_NAME:
                yield name, target.start_byte

    def _holder(self, node: Node) -> str:
        """The class that a method outside of any belongs to: Go's receiver, C++'s `A` in `A::f`."""
        receiver = node.child_by_field_name("receiver")
        if receiver is not None:
            match = _RECEIVER.match(self._text(receiver))
        elif node.type == "function_definition" and (declarator := node.child_by_field_name("declarator")):
            match = _SCOPE.match(self._text(declarator)[:MAX_SIGNATURE])
        else:
            return ""
        return match[1] if match else ""

    def _implementor(self, node: Node) -> str:
        """The type that a Rust `impl` is for."""
        of = node.child_by_field_name("type")
        match = re.match(r"[\w:]*?(\w+)\s*(?:<|$)", self._text(of)) if of is not None else None
        return match[1] if match else ""

    def _requires(self, node: Node) -> bool:
        """Whether a statement is an import of a language in which importing is a call or a re-export."""
        if node.type == "export_statement":
            return node.child_by_field_name("source") is not None
        if node.type not in ("call", "lexical_declaration", "variable_declaration", "expression_statement"):
            return False
        if self._language == "php":
            return any(child.type.startswith(("require", "include")) for child in node.named_children)
        return bool(_REQUIRE.match(self._text(node)[:400]))

    def _docstring(self, body: Node) -> str:
        first = next((child for child in children(body) if child.is_named and child.type != "comment"), None)
        if first is not None and first.type == "expression_statement":
            first = first.named_child(0)
        return first_line(self._text(first)) if first is not None and first.type == "string" else ""

    def _said(self, comment: list[Node]) -> str:
        if not comment or self._language == "python":
            return ""
        return first_line("\n".join(map(self._text, comment)))

    def _text(self, node: Node) -> str:
        return self._data[node.start_byte : min(node.end_byte, node.start_byte + 20_000)].decode(
            "utf-8", "replace"
        )


def _body(node: Node) -> Node | None:
    body = node.child_by_field_name("body")
    if body is None and node.type == "type_definition":
        return None
    return body


def _last_row(node: Node) -> int:
    """The row of the last character; some comments end at the beginning of the next row."""
    return node.end_point.row - (node.end_point.column == 0 and node.end_point.row > node.start_point.row)


def _declared(node: Node) -> Node | None:
    """The next declarator on the way to the name."""
    inner = node.child_by_field_name("declarator") or node.child_by_field_name("name")
    if inner is None:
        named = [child for child in node.named_children if child.type != "parameter_list"]
        inner = next((child for child in named if child.type == "variable_declarator"), None)
        inner = inner or next(iter(named), None)
    return inner


def _is_function(node: Node) -> bool:
    """Whether a C declaration declares a function, and not a pointer to one."""
    declarator = node.child_by_field_name("declarator")
    while declarator is not None and declarator.type in ("pointer_declarator", "reference_declarator"):
        declarator = _declared(declarator)
    if declarator is None or declarator.type != "function_declarator":
        return False
    inner = declarator.child_by_field_name("declarator")
    return inner is not None and inner.type != "parenthesized_declarator"


def _defines(node: Node, body: Node | None, container: str) -> bool:
    """Whether a node whose type may define does so."""
    if node.type in ("struct_specifier", "class_specifier", "enum_specifier", "union_specifier"):
        return body is not None
    if node.type == "field_declaration":  # Java's and C#'s constants, C++'s methods
        modifiers = [child.text or b"" for child in node.named_children if "modifier" in child.type]
        return _is_function(node) or any(b"final" in each or each == b"const" for each in modifiers)
    if node.type in ("public_field_definition", "field_definition"):
        value = node.child_by_field_name("value")
        return value is not None and value.type in FUNCTION_VALUES
    if node.type == "assignment":
        left = node.child_by_field_name("left")
        return not container and left is not None and left.type in ("identifier", "constant")
    if node.type == "assignment_expression":  # exports.f = function () {}
        left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        if left is None or right is None or left.type != "member_expression":
            return False
        return right.type in FUNCTION_VALUES or right.type in CLASS_VALUES
    return True


def _kind_of_value(node: Node, value: Node | None) -> Kind:
    if value is not None and value.type in FUNCTION_VALUES:
        return "function"
    if value is not None and value.type in CLASS_VALUES:
        return "class"
    if node.type in ("declaration", "field_declaration") and _is_function(node):
        return "function"
    return "constant"


def _signature(header: str, kind: Kind) -> str:
    lines = header.split("\n")
    while len(lines) > 1 and lines[0].lstrip().startswith(("@", "#[", "[")):
        lines = lines[1:]
    lines[1:] = [line for line in lines[1:] if not line.lstrip().startswith(("# ", "//", "/*"))]
    signature = " ".join(" ".join(lines).split())
    if kind == "constant":
        signature = _VALUE.sub("", signature)
    return _END.sub("", signature)[:MAX_SIGNATURE].rstrip(" {:=;")
