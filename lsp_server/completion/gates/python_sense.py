"""No Python that says nothing: endless recursion, a name assigned to itself, an operand against itself."""

from __future__ import annotations

from tree_sitter import Node

from lsp_server.completion.gates.shadow import Shadow
from lsp_server.completion.gates.verdict import Verdict
from lsp_server.syntax.steps import Way, ways_within

# Where both sides are the same, the result is known: 0, 1, True. Sums and products of a value with itself
# are common, and `x != x` tells a NaN.
_ARITHMETIC = frozenset({"-", "/", "//", "%", "^"})
_COMPARISON = frozenset({"<", ">", "<=", ">=", "==", "is", "in", "not in", "is not"})
_CONDITIONS = frozenset({"if_statement", "elif_clause", "while_statement"})
# Calls of which a second one gives the same.
_PURE = frozenset(
    {"abs", "float", "int", "len", "list", "max", "min", "round", "set", "sorted", "str", "sum"}
)
_OPEN = frozenset({"with_statement", "block"})


def nonsense(shadow: Shadow) -> Verdict | None:
    """The first part of a completion that makes no sense, or None."""
    for way in ways_within(shadow.tree, *shadow.bytes):
        if any(step.node.is_error for step in way[1:]):
            continue
        if _is_nonsense(shadow, way):
            node = way[-1].node
            return Verdict("sense", *shadow.part(node.start_byte, node.end_byte))
    return None


def _is_nonsense(shadow: Shadow, way: Way) -> bool:
    node = way[-1].node
    match node.type:
        case "assignment":
            return _assigns_itself(shadow, way)
        case "binary_operator":
            return _has_twice(shadow, node, _ARITHMETIC)
        case "boolean_operator":
            return _has_twice(shadow, node, frozenset({"and", "or"}))
        case "comparison_operator":
            condition = way[-2].type in _CONDITIONS or way[-2].type == "boolean_operator"
            return condition and _has_twice(shadow, node, _COMPARISON)
        case "return_statement":
            return _recurs_endlessly(shadow, way)
    return False


def _assigns_itself(shadow: Shadow, way: Way) -> bool:
    """`x = x`; in a class body it makes an outer name a member."""
    node = way[-1].node
    left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
    if left is None or right is None or node.child_by_field_name("type") is not None:
        return False
    outer = next((step.type for step in reversed(way) if step.type.endswith("_definition")), "")
    in_class = outer == "class_definition" or not outer
    return _same(shadow, left, right) and not (in_class and left.type == "identifier")


def _has_twice(shadow: Shadow, node: Node, operators: frozenset[str]) -> bool:
    """Whether an operator has the same on both sides, of which the completion wrote some."""
    if node.child_count != 3:
        return False
    left, operator, right = node.children
    written = right.end_byte > shadow.bytes[0]
    literal = left.type in ("integer", "float", "string")
    return written and not literal and operator.type in operators and _same(shadow, left, right)


def _same(shadow: Shadow, left: Node, right: Node) -> bool:
    return shadow.tree.source(left) == shadow.tree.source(right) and _is_steady(shadow, left)


def _is_steady(shadow: Shadow, node: Node) -> bool:
    """Whether an expression gives the same when it is computed again."""
    if node.type in ("call", "await", "yield", "named_expression"):
        called = node.child_by_field_name("function")
        if called is None or shadow.tree.source(called) not in _PURE:
            return False
    return all(_is_steady(shadow, child) for child in node.named_children)


def _recurs_endlessly(shadow: Shadow, way: Way) -> bool:
    """`return f(a, b)` in `def f(a, b)`, not in a branch, with both as they came."""
    call = _only_child(way[-1].node)
    if call is not None and call.type == "await":
        call = _only_child(call)
    at = next((i for i in range(len(way) - 1, 0, -1) if way[i].type == "function_definition"), 0)
    if call is None or call.type != "call" or not at or not all(s.type in _OPEN for s in way[at + 1 : -1]):
        return False
    definition = way[at].node
    name, parameters = (definition.child_by_field_name(field) for field in ("name", "parameters"))
    called, arguments = (call.child_by_field_name(field) for field in ("function", "arguments"))
    if name is None or parameters is None or called is None or arguments is None:
        return False
    in_class = at > 1 and "class_definition" in (way[at - 2].type, way[max(0, at - 3)].type)
    names = [
        _parameter(shadow, child)
        for child in parameters.named_children
        if child.type not in ("keyword_separator", "positional_separator")
    ]
    own = shadow.tree.source(name)
    if in_class and names:
        own, names = f"{names[0]}.{own}", names[1:]
    if shadow.tree.source(called) != own:
        return False
    given = [_argument(shadow, child) for child in arguments.named_children]
    return given == names and "" not in names and not _rebinds(shadow, definition, names, in_class)


def _only_child(node: Node) -> Node | None:
    return node.named_children[0] if node.named_child_count == 1 else None


def _parameter(shadow: Shadow, node: Node) -> str:
    """A parameter as an argument that hands it on."""
    if node.type in ("typed_parameter", "default_parameter", "typed_default_parameter"):
        inner = node.child_by_field_name("name") or node.named_children[0]
        return "" if inner is None else shadow.tree.source(inner)
    return shadow.tree.source(node)


def _argument(shadow: Shadow, node: Node) -> str:
    """An argument, `x=x` as `x`."""
    if node.type == "keyword_argument":
        name, value = node.child_by_field_name("name"), node.child_by_field_name("value")
        if name is not None and value is not None and shadow.tree.source(name) == shadow.tree.source(value):
            return shadow.tree.source(name)
    return shadow.tree.source(node)


def _rebinds(shadow: Shadow, definition: Node, names: list[str], in_class: bool) -> bool:
    """Whether a function changes what it was given before it hands it on: what it binds, or by a method of
    its object, of which any statement before may be one."""
    body = definition.child_by_field_name("body")
    if body is None:
        return False
    if in_class:
        first = [child for child in body.named_children if child.type not in ("string", "comment")]
        return not (first and first[0].end_byte > shadow.bytes[0])
    source = shadow.tree.utf8.data[body.start_byte : shadow.bytes[0]].decode()
    return any(f"{name} =" in source or f"{name}." in source or f"{name}[" in source for name in names)
