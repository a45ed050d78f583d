"""Whether a cursor stands in a block that is still empty."""

import re

from lsp_server.syntax.indentation import empty_below, opens_block
from lsp_server.syntax.lexicon import Lexicon
from lsp_server.syntax.nodes import BLOCKS
from lsp_server.syntax.replacement import Replacement
from lsp_server.syntax.scan import Kind, State, scan
from lsp_server.syntax.site import Site
from lsp_server.syntax.tree import children

_CLOSERS = re.compile(r"[\s)\]}>;,:\"'`]*$")
# What stands before a brace that begins a value; asked only where no tree can tell.
_VALUE_BEFORE = re.compile(r"(?:[=(,\[:?&|]|\breturn|\byield)\s*$")
# Where Python has a colon at a line's end and no header, it is an annotation.
_PYTHON_HEADER = re.compile(
    r"\s*(?:(?:async\s+)?(?:def|for|with)|class|if|elif|else|while|try|except|finally|match|case)\b"
)
_DOCSTRING = re.compile(r"\s*[rRuU]?(?:\"|')")


def only_closers(rest: str) -> bool:
    """Whether the rest of a line is blank or nothing but what closes: editors insert those as one types."""
    return bool(_CLOSERS.match(rest))


def in_empty_block(site: Site) -> bool:
    """Whether the cursor stands under, or at the end of, a header whose block has nothing in it yet.

    Comments do not count, nor does a docstring.
    """
    if not site.state.in_code:
        return False
    grammar = site.snapshot.grammar
    if grammar is not None and grammar.blocks == "braces":
        return only_closers(site.rest) and _in_empty_braces(site)
    words = grammar is not None and grammar.blocks == "words"
    if site.rest.strip() or (site.state.stack and not words):
        return False
    if site.before.strip() and site.header < site.snapshot.line_start(site.offset):
        # The header spans lines, and this is its last one.
        return site.before.rstrip().endswith(":") and _below_header(site)
    if grammar is not None and grammar.name == "python" and site.snapshot.tree is not None:
        return _in_empty_suite(site)
    return _below_header(site)


def _in_empty_braces(site: Site) -> bool:
    snapshot, opening = site.snapshot, site.state.stack[-1] if site.state.stack else None
    if opening is None or opening.mark != "{":
        return False
    closing = site.closed_at[-1]
    if closing is None:
        if not empty_below(site.header_line, site.next_line()):
            return False
        closing = site.offset
    if not _without_code(site.lexicon, snapshot.text, opening.offset + 1, site.offset):
        return False
    if not _without_code(site.lexicon, snapshot.text, site.offset, closing):
        return False
    if snapshot.tree is not None:
        at = snapshot.tree.byte(opening.offset)
        parent = snapshot.tree.path(at, at + 1)[-2:][0]
        if not parent.is_error and snapshot.tree.root.id != parent.id:
            return parent.type in BLOCKS
    return not _VALUE_BEFORE.search(snapshot.text[snapshot.line_start(opening.offset) : opening.offset])


def _without_code(lexicon: Lexicon, text: str, start: int, stop: int) -> bool:
    """Whether text[start:stop] is nothing but white space and comments."""
    at, state = start, State()
    for event in scan(lexicon, text, start, stop, State()):
        if event.kind is Kind.BEGIN and text[at : event.start].strip():
            return False
        if event.kind is Kind.BEGIN and not (event.after.inside and event.after.inside.comment):
            return False
        if event.kind is Kind.END:
            at = event.end
        state = event.after
    return not state.in_code or not text[at:stop].strip()


def _in_empty_suite(site: Site) -> bool:
    """Python: put a statement at the cursor, and see what shares its block."""
    tree = site.snapshot.tree
    if not _PYTHON_HEADER.match(site.header_line) and not _DOCSTRING.match(site.header_line):
        return False  # and no reparse, the cost of which grows with the document
    if tree is None:
        return _below_header(site)
    space = " " if site.before.strip() else ""
    shadow = tree.replaced(Replacement(site.offset, site.offset, space + "pass"))
    if shadow is None:
        return _below_header(site)
    start = shadow.byte(site.offset) + len(space)
    path = shadow.path(start, start + len("pass"))
    blocks = [node for node in path if node.type == "block"]
    if not blocks or path[-1].type not in {"pass", "pass_statement"}:
        return _below_header(site)
    for child in children(blocks[-1]):
        first = child.named_child(0) if child.named_child_count == 1 else child
        docstring = "string" in (child.type, first.type)
        inserted = child.start_byte == start
        if child.is_named and not inserted and not docstring and child.type != "comment":
            return False
    return True


def _below_header(site: Site) -> bool:
    """By the text alone: the last line of code opens a block, and the next one is not indented more."""
    grammar = site.snapshot.grammar
    words = grammar is not None and grammar.blocks == "words"
    if grammar is not None and grammar.name == "python" and not _PYTHON_HEADER.match(site.header_line):
        return False
    header = site.snapshot.text[site.header : site.header_end].rstrip()
    if not header or not opens_block(re.split(r"[\r\n]", header)[-1], words):
        return False
    return empty_below(site.header_line, site.next_line())
