"""No name that nothing defines: languages whose scopes are not followed.

Only what is safe without them: a name in lower case that is plainly looked up, and that occurs nowhere else
in the buffer, not even in a comment. Types and constants come from elsewhere too often, and so do functions
where a package or a header shares them.
"""

from __future__ import annotations

import re

from lsp_server.completion.gates.builtin_names import PLAIN, SHARING
from lsp_server.completion.gates.shadow import Shadow
from lsp_server.completion.gates.verdict import Verdict
from lsp_server.syntax.steps import Way, ways_within
from lsp_server.syntax.words import places

# Parent and field, "" for any, in which an identifier is looked up.
_USES = frozenset(
    {
        ("argument_list", ""), ("arguments", ""), ("array", ""), ("assignment_expression", "right"),
        ("await_expression", ""), ("binary_expression", ""), ("call_expression", "function"),
        ("field_expression", "argument"), ("field_expression", "value"), ("init_declarator", "value"),
        ("let_declaration", "value"), ("member_expression", "object"), ("method_invocation", "object"),
        ("pair", "value"), ("parenthesized_expression", ""), ("reference_expression", ""),
        ("return_statement", ""), ("selector_expression", "operand"), ("spread_element", ""),
        ("subscript_expression", "object"), ("template_substitution", ""), ("ternary_expression", ""),
        ("unary_expression", ""), ("variable_declarator", "value"),
    }
)  # fmt: skip
_PLAIN = re.compile(r"[a-z]\w+")
_CALLS = frozenset({("call_expression", "function")})
# A file that takes names from elsewhere without naming them.
_STAR = re.compile(
    r"^\s*(?:pub\s+)?use\s+[^;]*\*|^\s*import\s+static\s+[\w.]+\*|\b(?:extends|with)\b", re.MULTILINE
)


def unknown_name(shadow: Shadow, language: str) -> Verdict | None:
    """The first name in a completion that nothing defines, or None."""
    known = PLAIN.get(language)
    if known is None:
        return None
    used: list[Way] = []
    bound: set[str] = set()
    for way in ways_within(shadow.tree, *shadow.bytes):
        if way[-1].type not in ("identifier", "shorthand_property_identifier_pattern"):
            continue
        name = shadow.tree.source(way[-1].node)
        if any(step.node.is_error for step in way[1:]):
            return None
        if any(step.type.startswith("attribute") for step in way):
            continue
        context = (way[-2].type, way[-1].field)
        if context not in _USES and (way[-2].type, "") not in _USES:
            bound.add(name)
        elif not (language in SHARING and context in _CALLS):
            used.append(way)
    for way in used:
        node = way[-1].node
        name = shadow.tree.source(node)
        if not _PLAIN.fullmatch(name) or name in known or name in bound:
            continue
        if not _occurs(shadow, name) and not _STAR.search(shadow.text):
            return Verdict("name", *shadow.part(node.start_byte, node.end_byte))
    return None


def _occurs(shadow: Shadow, name: str) -> bool:
    """Whether a word stands anywhere outside the completion."""
    text = shadow.text
    return any(at + len(name) <= shadow.start or at >= shadow.end for at in places(text, name))
