"""What Python itself says of the statements around a completion.

tree-sitter reads more than Python does: `f(a=1, b)`, `x + 1 = 2`, a default before a parameter without one.
Only the logical lines that the completion touches are compiled, so it is the same in a file of any length,
whatever else in it is broken.
"""

from __future__ import annotations

import ast
import re
import sys
import warnings

from lsp_server.completion.gates.shadow import Shadow, closing, left_open
from lsp_server.completion.gates.verdict import Verdict
from lsp_server.syntax.scan import State, scan

_MAX = 8_000  # characters compiled
_BLANKS = re.compile(r"[^\S\r\n]*")
_CLAUSE = re.compile(r"\s*(elif|else|except|finally|case)\b")
# A clause that is to follow, or a block to be filled, at the end; and what a newer or older Python can read.
_BEGUN = re.compile(
    r"expected an indented block|expected 'except' or 'finally' block|expected ':'|"
    r"unindent does not match|expected 'else' after 'if' expression"
)
_OTHER_PYTHON = re.compile(
    r"Missing parentheses in call|multiple exception types must be parenthesized|leading zeros in decimal"
)
_NEWER = re.compile(r"\b(?:def|class)\s+\w+\s*\[|^\s*type\s+\w+|\b[ft]r?[\"']", re.MULTILINE)


def misread(shadow: Shadow) -> Verdict | None:
    """What of the completion Python cannot read, or None; None also where that cannot be told."""
    site, begin = shadow.site, shadow.site.statement
    if begin is None or shadow.end - begin > _MAX:
        return None
    stop = _end_of_statement(shadow, begin)
    if stop is not None:
        sources, whole = [shadow.text[begin:stop]], True
    else:
        line = shadow.text.find("\n", shadow.end)
        text = shadow.text[begin : line if line >= 0 else len(shadow.text)].rstrip()
        state = left_open(site.lexicon, text, State())
        broken_off = state.inside is not None and not state.inside.multiline
        close = closing(State(state.stack) if broken_off else state)
        sources, whole = [text + close, text + " _" + close], False
    failure = None
    for source in sources:
        failure = _failure(source, whole)
        if failure is None:
            return None
    assert failure is not None  # noqa: S101 - there is a source
    return _blamed(shadow, begin, *failure)


def _end_of_statement(shadow: Shadow, begin: int) -> int | None:
    """Where the logical line ends that the completion ends in; None where nothing closes what is open."""
    stop = min(len(shadow.text), begin + _MAX)
    state = State()
    for event in scan(shadow.site.lexicon, shadow.text, begin, stop, state):
        state = event.after
        if event.kind.value != "newline" or event.start < shadow.end or state.stack or not state.in_code:
            continue
        if not shadow.text[: event.start].endswith("\\"):
            return event.start
    if state.stack or (state.inside is not None and not state.inside.comment):
        return None
    return stop


def _failure(source: str, whole: bool) -> tuple[int, int] | None:
    """The row, from 0, and column at which Python gives up on some logical lines, None if it does not.

    They may end with what goes on below, or anywhere if they are not `whole`.
    """
    indentation = (_BLANKS.match(source) or [""])[0]
    opening = _opening(source, indentation)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(opening + source + _decorated(source, indentation))
    except SyntaxError as error:
        message = error.msg or ""
        if _OTHER_PYTHON.search(message):
            return None
        row = (error.lineno or 1) - 1 - opening.count("\n")
        if _BEGUN.match(message) and (not whole or row >= source.rstrip().count("\n")):
            return None
        if sys.version_info < (3, 12) and _NEWER.search(source):
            return None
        return row, (error.offset or 1) - 1
    except (ValueError, RecursionError, MemoryError):
        return None
    return None


def _opening(source: str, indentation: str) -> str:
    """What has to stand before a clause or an indented line for it to be read."""
    clause = _CLAUSE.match(source)
    word = clause[1] if clause else ""
    if word == "case" and indentation:
        return "match _:\n"
    outer = "if _:\n" if indentation else ""
    if word in ("elif", "else"):
        return f"{outer}{indentation}if _:\n{indentation} pass\n"
    if word in ("except", "finally"):
        return f"{outer}{indentation}try:\n{indentation} pass\n"
    return outer


def _decorated(source: str, indentation: str) -> str:
    """A definition for decorators that stand alone."""
    last = source.rstrip().rsplit("\n", 1)[-1].lstrip()
    stands_alone = last.startswith("@") or source.lstrip().startswith("@")
    return f"\n{indentation}def _(): pass" if stands_alone else ""


def _blamed(shadow: Shadow, begin: int, row: int, column: int) -> Verdict | None:
    """The rest of the completion's line from where Python gave up."""
    at = begin
    for _ in range(max(0, row)):
        at = shadow.text.find("\n", at) + 1
    at = min(max(at + column, shadow.start), shadow.end)
    text = shadow.text[at : shadow.end].split("\n", 1)[0]
    return Verdict("syntax", text or shadow.added, at - shadow.start if text else 0)
