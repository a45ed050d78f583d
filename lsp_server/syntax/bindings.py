"""What an identifier is there for in Python: to be looked up, to be bound, or to name a member."""

from __future__ import annotations

from enum import Enum
from itertools import pairwise

from tree_sitter import Node

from lsp_server.syntax.steps import Way


class Role(Enum):
    """Of an identifier."""

    USE = "use"  # it is looked up
    BINDING = "binding"  # it gets a value here
    OWN = "own"  # it gets the value of the statement that it stands in: x in `x = ...`
    MEMBER = "member"  # of an object, a call's keyword, a module: no name of this file


# Parent and field, "*" for any: what is not here is a use.
_ROLES = {
    ("attribute", "attribute"): Role.MEMBER,
    ("keyword_argument", "name"): Role.MEMBER,
    ("keyword_pattern", ""): Role.MEMBER,
    ("function_definition", "name"): Role.BINDING,
    ("class_definition", "name"): Role.BINDING,
    ("parameters", "*"): Role.BINDING,
    ("lambda_parameters", "*"): Role.BINDING,
    ("default_parameter", "name"): Role.BINDING,
    ("typed_parameter", ""): Role.BINDING,
    ("typed_default_parameter", "name"): Role.BINDING,
    ("dictionary_splat_pattern", "*"): Role.BINDING,
    ("named_expression", "name"): Role.BINDING,
    ("aliased_import", "alias"): Role.BINDING,
    ("global_statement", "*"): Role.BINDING,
    ("nonlocal_statement", "*"): Role.BINDING,
    ("type_parameter", "*"): Role.BINDING,
    ("as_pattern", ""): Role.BINDING,
    ("splat_pattern", "*"): Role.BINDING,
    ("for_in_clause", "left"): Role.BINDING,
    ("assignment", "left"): Role.OWN,
    ("augmented_assignment", "left"): Role.OWN,
    ("for_statement", "left"): Role.OWN,
    ("as_pattern_target", "*"): Role.OWN,
    ("ERROR", "*"): Role.BINDING,
}
# Nodes that hand the role of their own place down to what is in them.
_PATTERNS = frozenset(
    {
        "pattern_list",
        "tuple_pattern",
        "list_pattern",
        "list_splat_pattern",
        "tuple",
        "list",
        "parenthesized_expression",
    }
)
FUNCTIONS = frozenset({"function_definition", "lambda"})
_SCOPES = frozenset(
    {
        "class_definition", "dictionary_comprehension", "function_definition", "generator_expression",
        "lambda", "list_comprehension", "set_comprehension",
    }
)  # fmt: skip


def role(way: Way) -> Role:
    """Of the identifier at the end of a way."""
    inner = len(way) - 1
    while inner > 1 and way[inner - 1].type in _PATTERNS:
        inner -= 1
    parent, field = way[inner - 1].type, way[inner].field
    if parent == "dotted_name":
        return _dotted(way, inner)
    found = _ROLES.get((parent, field)) or _ROLES.get((parent, "*"))
    if found is None and parent == "type" and way[inner - 2].type == "type_parameter":
        return Role.BINDING
    if inner < len(way) - 1 and found not in (Role.BINDING, Role.OWN):
        return Role.USE  # an element of a list or tuple that is no pattern
    return found or Role.USE


def _dotted(way: Way, inner: int) -> Role:
    """Part of `a.b`: imported, a module's name, or in a pattern."""
    above = {step.type for step in way[-5:]}
    first = way[inner - 1].node.named_children[:1] == [way[inner].node]
    if "aliased_import" in above or way[inner - 1].field == "module_name":
        return Role.MEMBER
    if "import_statement" in above or "import_from_statement" in above or "future_import_statement" in above:
        return Role.BINDING if first else Role.MEMBER
    if not first:
        return Role.MEMBER
    dotted = way[inner - 1].node.named_child_count > 1
    return Role.USE if dotted or "class_pattern" in {way[inner - 2].type} else Role.BINDING


def scopes(way: Way) -> tuple[Node, ...]:
    """The functions, classes, lambdas and comprehensions around the end of a way, outermost first.

    A definition's own name, its decorators and its defaults lie outside of it; parameters lie inside.
    """
    return tuple(
        step.node
        for step, below in pairwise(way)
        if step.type in _SCOPES and below.field not in ("name", "return_type", "superclasses")
    )
