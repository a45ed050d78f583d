"""Where a completion ends: with its statement, or with the block that it fills."""

import re
from dataclasses import dataclass

from lsp_server.syntax.indentation import closes_block, width
from lsp_server.syntax.scan import Event, Kind, scan
from lsp_server.syntax.seams import Seams
from lsp_server.syntax.site import Site

_NEXT_LINE = re.compile(r"(?:[^\S\n]*\n)*([^\S\n]*\S[^\n]*)(\n?)")
# The first token of the next line, with what is joined to it: ".map", "&&", "return".
_TOKEN = re.compile(r"\s*(?:\w+|[^\w\s]+[^\S\n]*\w*)")
# A line that belongs to the declaration below it: an annotation, a decorator, an attribute.
_ANNOTATION = re.compile(r"[^\S\n]*(?:@\w[\w.]*(?:\(.*\))?|#!?\[.*\])$")
# The tokens after which Go's lexer puts a semicolon at a line end.
_GO_END = re.compile(r"(?:[\w)\]}\"'`]|\+\+|--)$")
# Lines that stand left of the block that they are in: labels, and what is for the preprocessor.
_OUTDENTED = re.compile(r"\s*(?:\w+\s*:(?!:)|#)")
_BLANK_LINE = re.compile(r"[^\S\n]*\n")


@dataclass(frozen=True, slots=True)
class Extent:
    """How many characters of a generated text belong to the completion, and whether no more can."""

    length: int
    complete: bool


def extent(site: Site, seams: Seams, text: str, block: bool, final: bool) -> Extent:
    r"""How much of `text`, generated at the cursor, belongs there. Line ends in `text` are \n.

    It ends before anything that closes what the text behind the cursor closes already. Otherwise a statement
    ends at the first line end at which nothing is left open that it or its own line opened; and a block
    (`block`) before a line that is indented no more than its header, or where it closes its own brace.
    `seams` are the site's, kept while the text grows. `final`: no more will come. A line end whose meaning
    the next line decides counts as the end until that line is there.
    """
    original = site.state.inside
    base, floor = len(site.state.stack), _floor(site, block)
    for event in scan(site.lexicon, text, 0, len(text), site.state):
        depth = len(event.after.stack)
        if event.kind is Kind.CLOSE and (depth < floor or (event.stray and _strict(site))):
            return Extent(_before_doubled(site, text[: event.start].rstrip(), depth), True)
        if event.kind is Kind.END and original is not None and event.after.inside is None:
            if site.string_closed and event.end > event.start:
                return Extent(event.start, True)
            if not original.comment:
                original = None
        if event.kind is not Kind.NEWLINE:
            continue
        if original is not None:
            return Extent(event.start, True)
        if not event.after.in_code or text[: event.start].endswith("\\"):
            continue
        if not block:
            found = _statement_end(site, seams, text, event, final) if depth <= floor else None
        elif depth <= floor < base:
            found = Extent(event.start, True)
        else:
            found = _block_end(site, text, event, final) if depth <= base else None
        if found is not None:
            return Extent(len(text[: found.length].rstrip()), found.complete)
    return Extent(len(text), final)


def _before_doubled(site: Site, text: str, depth: int) -> int:
    """The length of `text`, about to close bracket `depth`, without what stands before its closing now."""
    closing = site.closed_at[depth] if depth < len(site.closed_at) else None
    doubled = "" if closing is None else site.snapshot.text[site.offset : closing].strip()
    return len(text.removesuffix(doubled).rstrip()) if doubled and "\n" not in doubled else len(text)


def _floor(site: Site, block: bool) -> int:
    """How many of the brackets open at the cursor are not the completion's to close."""
    start = site.snapshot.line_start(site.offset)
    if block and site.state.stack:
        start = min(start, site.snapshot.line_start(site.state.stack[-1].offset))
    return len(site.state.stack) - site.unclosed(start)


def _strict(site: Site) -> bool:
    """Whether a bracket that closes nothing is an error: in a shell's `case` it is not."""
    grammar = site.snapshot.grammar
    return grammar is not None and grammar.blocks != "words"


def _statement_end(site: Site, seams: Seams, text: str, event: Event, final: bool) -> Extent | None:
    """The end of the statement if it is at this line end; incomplete where the next line is to tell."""
    ends = Extent(event.start, True)
    statement = text[: event.start].rstrip()
    grammar = site.snapshot.grammar
    if not statement or site.rest.strip() or grammar is None or grammar.blocks != "braces":
        return ends
    if statement[-1] in ";}" or _BLANK_LINE.match(text, event.end):
        return ends
    if _ANNOTATION.match(statement[statement.rfind("\n") + 1 :]):
        return None
    if grammar.name == "go":
        return ends if _GO_END.search(statement) else None
    following = _TOKEN.match(text, event.end)
    if following is None or (following.end() == len(text) and not final):
        return Extent(event.start, final)
    return ends if seams.between(text[: following.end()], event.start) else None


def _block_end(site: Site, text: str, event: Event, final: bool) -> Extent | None:
    """The end of the block if it is at this line end; incomplete where the next line is to tell."""
    following = _NEXT_LINE.match(text, event.end)
    if following is None:
        return Extent(event.start, final)
    line = following[1]
    if line.lstrip()[0] in ")]}" or width(line) > _outside(site):
        return None
    grammar = site.snapshot.grammar
    if grammar is not None and grammar.blocks == "braces":
        if _OUTDENTED.match(line):
            return None
        if re.fullmatch(r"\s*\w+\s*:?", line) and not following[2] and not final:
            return Extent(event.start, False)  # it may become a label
    if grammar is not None and grammar.blocks == "words" and width(line) == width(site.header_line):
        if not following[2] and not final:
            return Extent(event.start, False)
        follows = site.next_line()
        if closes_block(line) and not (closes_block(follows) and width(follows) == width(line)):
            return Extent(following.end(1), True)
    return Extent(event.start, True)


def _outside(site: Site) -> int:
    """The indentation, in columns, up to which a line is outside the cursor's block.

    That of the header; but the last line of code may be a docstring within the block, which the cursor's own
    column tells.
    """
    outside = width(site.header_line)
    column = width(site.before) if site.before and not site.before.strip() else 0
    return min(outside, column - 1) if column else outside
