"""Whether the line before the cursor says all that it is to say, by syntax."""

from __future__ import annotations

import re

from lsp_server.completion.eagerness import Restraint
from lsp_server.syntax.emptiness import only_closers
from lsp_server.syntax.nodes import BLOCKS
from lsp_server.syntax.site import Site

# Statements of one word that nothing can follow on their line.
_WORDS = {
    "python": frozenset({"pass", "break", "continue", "..."}),
    "go": frozenset({"fallthrough"}),
    "lua": frozenset({"end", "break"}),
    "ruby": frozenset({"end", "break", "next", "redo", "retry"}),
}
# What has a block behind which nothing comes on its line: no `else`, no `catch`, no `;`, no call.
_CLOSED = re.compile(
    r"(?:function|generator_function|method|constructor|class|interface|trait|impl|mod|namespace|for|while|loop"
    r"|foreach|enhanced_for|for_in|for_range_loop)_(?:declaration|definition|item|statement)"
    r"|(?:for|while|loop)_expression"
)


def is_ended(site: Site, restraint: Restraint) -> bool:
    """Whether nothing is to be expected behind the cursor on its line; `restraint` says where that is taken
    for granted. What editors put behind the cursor by themselves is no more to expect."""
    before = site.before.strip()
    grammar = site.snapshot.grammar
    if grammar is None or not before or not site.state.in_code or not only_closers(site.rest):
        return False
    if before in _WORDS.get(grammar.name, ()):
        return True
    if before.endswith(";"):
        return not (site.state.stack and site.state.stack[-1].mark == "(")  # of a loop's header
    if restraint >= Restraint.BLOCKS and before == "}":
        return _closes_block(site)
    return restraint >= Restraint.CALLS and before.endswith(")") and not site.unclosed(0)


def _closes_block(site: Site) -> bool:
    """Whether the brace before the cursor ends the block of a statement that goes no further."""
    tree = site.snapshot.tree
    if tree is None:
        return False
    end = tree.byte(site.offset - len(site.before) + len(site.before.rstrip()))
    path = tree.path(end - 1, end)
    for node, child in zip(path[-3::-1], path[-2::-1], strict=False):
        if child.type in BLOCKS and child.end_byte == end and not child.has_error:
            return node.end_byte == end and _CLOSED.fullmatch(node.type) is not None
    return False
