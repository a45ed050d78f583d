"""No name that nothing defines: Python.

A name is known if it is a builtin, if the completion binds it, or if the buffer binds it where the cursor can
see it, before or behind. No such place is the target of the statement that the completion is to complete: in
`matrix = [... for _ in matrix]` the name has no value yet. A name that is used elsewhere and bound nowhere is
known too, and with `from x import *` every name is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from tree_sitter import Node

from lsp_server.completion.gates.builtin_names import PYTHON
from lsp_server.completion.gates.shadow import Shadow
from lsp_server.completion.gates.verdict import Verdict
from lsp_server.syntax.bindings import FUNCTIONS, Role, role, scopes
from lsp_server.syntax.steps import Way, way_to, ways_within
from lsp_server.syntax.words import places

_STAR = re.compile(r"^\s*from\s+[\w.]+\s+import\s*\(?\s*\*", re.MULTILINE)
_MAX_PLACES = 200  # looked at of one name; one that stands in more is known
_INDENTED = " \t)"
_TARGETS = frozenset({"assignment", "augmented_assignment", "for_statement", "with_item", "except_clause"})


def unknown_name(shadow: Shadow) -> Verdict | None:
    """The first name in a completion that nothing defines, or None."""
    start, end = shadow.bytes
    used: list[Way] = []
    bound: set[str] = set()
    for way in ways_within(shadow.tree, start, end):
        if way[-1].type != "identifier":
            continue
        name = shadow.tree.source(way[-1].node)
        what = role(way)
        if what is Role.USE or way[-2].type == "augmented_assignment":
            used.append(way)
        elif what is not Role.MEMBER:
            bound.add(name)
    for way in used:
        node = way[-1].node
        name = shadow.tree.source(node)
        if name in PYTHON or name in bound or any(step.node.is_error for step in way[1:]):
            continue
        if not _is_known(shadow, name, way):
            return Verdict("name", *shadow.part(node.start_byte, node.end_byte))
    return None


def _is_known(shadow: Shadow, name: str, use: Way) -> bool:
    around = scopes(use)
    elsewhere = used = False
    for count, way in enumerate(_places(shadow, name)):
        if count == _MAX_PLACES:
            return True
        match role(way):
            case Role.OWN if _is_under_way(way, use):
                elsewhere = True
            case Role.BINDING | Role.OWN:
                if _is_visible(way, around):
                    return True
                elsewhere = True
            case Role.USE:
                used = True
    # A name that others use too, and nobody binds, comes from somewhere.
    return (used and not elsewhere) or _STAR.search(shadow.text) is not None


def _is_visible(binding: Way, around: tuple[Node, ...]) -> bool:
    """Whether what is bound there can be looked up within the scopes `around`."""
    if binding[-2].type in ("global_statement", "nonlocal_statement"):
        return True
    inside = scopes(binding)
    depth = len(inside)
    if [node.id for node in inside] != [node.id for node in around[:depth]]:
        return False
    in_class = depth and inside[-1].type == "class_definition" and binding[-2].type != "type"
    return not (in_class and any(node.type in FUNCTIONS for node in around[depth:]))


def _places(shadow: Shadow, name: str) -> Iterator[Way]:
    """The ways to the identifiers of that name outside the completion, likely bindings first."""
    text = shadow.text
    found = [at for at in places(text, name) if at + len(name) <= shadow.start or at >= shadow.end]

    def order(at: int) -> tuple[bool, int]:
        column_0 = text.rfind("\n", 0, at) + 1
        return text[column_0] in _INDENTED, abs(at - shadow.start)

    for at in sorted(found, key=order):
        way = way_to(shadow.tree, shadow.tree.byte(at), shadow.tree.byte(at + len(name)))
        if way[-1].type == "identifier":
            yield way


def _is_under_way(target: Way, use: Way) -> bool:
    """Whether the statement that gives `target` its value is the one that `use` stands in, to be computed
    before it has one."""
    statement = next((step for step in reversed(target) if step.type in _TARGETS), None)
    if statement is None:
        return False
    inside = [at for at, step in enumerate(use) if step.node.id == statement.node.id]
    if not inside:
        return False
    below = use[inside[0] + 1 :]
    in_body = below[0].field == "body" or below[0].type == "block"
    return not in_body and not any(step.type in FUNCTIONS for step in below)
