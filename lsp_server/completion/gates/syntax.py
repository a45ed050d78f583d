"""No text that breaks the syntax of the document.

A document that is being written does not parse anyway. So if it does not parse with a completion in it, it is
asked whether it would with a bare name there, closed with what it takes: only then the completion is to
blame. One that only begins something is closed first; but not the brackets that it opened itself, if they add
an error to the document as it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cached_property

from lsp_server.completion.gates.python_statement import misread
from lsp_server.completion.gates.shadow import Shadow, closing, left_open
from lsp_server.completion.gates.verdict import Verdict
from lsp_server.syntax.bodies import num_errors
from lsp_server.syntax.scan import State
from lsp_server.syntax.site import Site
from lsp_server.syntax.steps import ways_within

LANGUAGES = frozenset({"python", "javascript", "typescript", "tsx", "java", "go", "rust", "c", "cpp"})
# What may follow a name, or a text that was only begun, for its statement to be whole.
_ENDS = {"python": ("", ":"), "go": ("", " {}")}
_BRACED_ENDS = ("", ";", " {}", " finally {}", " catch (...) {}")
_STUB = "_"
# More errors than these are not one completion's.
_BROKEN = 8
# What an annotation or a decorator may stand before.
_ANNOTATION = re.compile(r"\s*(?:@\w[^\n]*|#!?\[[^\n]*\])\Z")
_ANNOTATED = {"python": "def _(): pass", "rust": "fn _f() {}", "java": "class _C {}"}


class Syntax:
    """The gate for one cursor; what the texts are compared with is counted once."""

    def __init__(self, site: Site) -> None:
        self._site = site
        grammar = site.snapshot.grammar
        self._language = "" if grammar is None else grammar.name
        self._ends = _ENDS.get(self._language, _BRACED_ENDS)

    def objection(self, shadow: Shadow) -> Verdict | None:
        """What of a completion breaks the syntax, or None."""
        if self._language not in LANGUAGES or self._is_preprocessed(shadow):
            return None
        if shadow.tree.root.has_error and self._adds_errors(shadow):
            return _first_error(shadow)
        return misread(shadow) if self._language == "python" else None

    def _is_preprocessed(self, shadow: Shadow) -> bool:
        """Whether the line is for the preprocessor, of which the grammars of C and C++ know the half."""
        line = (self._site.before + shadow.added).lstrip()
        return self._language in ("c", "cpp") and line.startswith("#")

    def _adds_errors(self, shadow: Shadow) -> bool:
        errors = num_errors(shadow.tree)
        if errors > self._before and self._left_open(shadow.added):
            return True
        if errors > _BROKEN or self._least:
            return False  # by macros, or by what is broken elsewhere: such errors come and go with any text
        return all(map(self._errors_with, self._closed(shadow.added)))

    @cached_property
    def _before(self) -> int:
        """The errors of the document as it is."""
        tree = self._site.snapshot.tree
        return 0 if tree is None else num_errors(tree)

    def _left_open(self, text: str) -> bool:
        """Whether a text opens brackets that neither it nor anything behind the cursor closes: what is shown
        goes on to where its brackets close, so such a text was broken off."""
        site = self._site
        state = left_open(site.lexicon, text, site.state)
        return len(state.stack) > len(site.state.stack)

    @cached_property
    def _least(self) -> int:
        """The errors that the document has, whatever stands at the cursor."""
        least = self._before
        for text in self._closed(_STUB):
            if least:
                least = min(least, self._errors_with(text))
        return least

    def _closed(self, text: str) -> Iterator[str]:
        """Ways to make a whole of a text, which may only begin something."""
        site = self._site
        state = left_open(site.lexicon, text, site.state)
        inside = state.inside
        if (site.string_closed and inside is site.state.inside) or (
            # A string of one line is not begun but broken off.
            inside is not None and not inside.multiline and text != _STUB
        ):
            state = State(state.stack)
        kept = sum(a is b for a, b in zip(site.state.stack, state.stack, strict=False))
        # Brackets of the statement, then braces of the blocks around it, without partners behind the cursor.
        statement = len(site.state.stack) - site.unclosed(site.snapshot.line_start(site.offset))
        blocks = len(site.state.stack) - site.unclosed(0)
        rest = bool(site.rest.strip())
        inner = "" if rest else closing(state, min(kept, statement))
        outer = closing(State(state.stack[: min(kept, statement)]), min(kept, blocks))
        for end in ("",) if rest else self._ends:
            yield text + inner + end + outer
            if text != _STUB and not rest:
                yield f"{text} {_STUB}{inner}{end}{outer}"
        begun = (site.before + text).rsplit("\n", 1)[-1]
        if _ANNOTATION.match(begun) and self._language in _ANNOTATED:
            indentation = begun[: len(begun) - len(begun.lstrip())]
            yield f"{text}{inner}\n{indentation}{_ANNOTATED[self._language]}{outer}"

    def _errors_with(self, text: str) -> int:
        shadow = Shadow.of(self._site, text)
        return 0 if shadow is None else num_errors(shadow.tree)


def _first_error(shadow: Shadow) -> Verdict:
    """The first part of the completion that did not parse; all of it, where the error lies elsewhere."""
    start, end = shadow.bytes
    for way in ways_within(shadow.tree, start, end):
        node = way[-1].node
        if (node.is_error or node.is_missing) and node.start_byte >= start:
            return Verdict("syntax", *shadow.part(node.start_byte, node.end_byte))
    return Verdict("syntax", shadow.added, 0)
