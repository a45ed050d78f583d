"""Whether a completion breaks the syntax: asked of tree-sitter and of Python, not of Midfill's own gates."""

from __future__ import annotations

import ast
import codeop
import io
import tokenize
import warnings
from functools import lru_cache

from training.syntax import parser_of

_CLAUSES = ("elif", "else", "except", "finally", "case")
_BRACKETS = {"(": ")", "[": "]", "{": "}"}
_OPERANDS = ("", " x")
_ENDS = ("", ";", " {}", "() {}", " = 0;", ": 0,", ": x;", " => 0,", ",", " x;", "\n{}", ">", ">();")
_PYTHON_ENDS = ("", ": pass", " = 0", " in x: pass", " else 0", "\ndef x(): pass")
_UNFINISHED = ("expected 'else' after 'if' expression", "expected an indented block")
# For a tree alone, so that a `return` may stand anywhere; as an interpreter asks that waits for more lines.
_FLAGS: int = (
    ast.PyCF_ONLY_AST
    | codeop.PyCF_ALLOW_INCOMPLETE_INPUT  # type: ignore[attr-defined]  # typeshed leaves both out
    | codeop.PyCF_DONT_IMPLY_DEDENT  # type: ignore[attr-defined]
)


def num_errors(text: str, language: str) -> int:
    """The places that do not parse; none in a language without a grammar."""
    parser = parser_of(language)
    if parser is None:
        return 0
    walk = parser.parse(text.encode("utf-8", "replace")).walk()
    errors = 0
    while True:
        node = walk.node
        if node is not None and node.has_error:
            errors += node.is_error or node.is_missing
            if walk.goto_first_child():
                continue
        while not walk.goto_next_sibling():
            if not walk.goto_parent():
                return errors


def adds_errors(before: str, inserted: str, behind: str, kept: str, language: str) -> bool:
    """Whether the tree of before + inserted + kept has more errors than that of before + behind.

    The header of an indented block may stand without its lines, which come next: with `pass` in their place.
    """
    after = num_errors(before + inserted + kept, language)
    if after and language == "python" and inserted.rstrip().endswith(":"):
        after = min(after, num_errors(f"{before}{inserted.rstrip()} pass{kept}", language))
    return after > 0 and after > num_errors(before + behind, language)


def is_begun(before: str, inserted: str, behind: str, kept: str, language: str) -> bool:
    """Whether a text that adds errors adds none with an end to it: its brackets closed, and one of a few ways
    to go on. It is the beginning of something then, and not broken. Nor may it have any that are gone without
    the line that it stands in.
    """
    above = before[: before.rfind("\n") + 1]
    most = min(num_errors(before + behind, language), num_errors(above + behind, language))
    text, closers = inserted.rstrip(), _closers(inserted)
    return any(
        num_errors(before + text + operand + closers + end + kept, language) <= most
        for operand in _OPERANDS
        for end in (_PYTHON_ENDS if language == "python" else _ENDS)
    )


def _closers(text: str) -> str:
    """What closes the brackets that are opened in a text; those in its strings and comments count too."""
    wanted: list[str] = []
    for character in text:
        if character in _BRACKETS:
            wanted.append(_BRACKETS[character])
        elif wanted and character == wanted[-1]:
            wanted.pop()
    return "".join(reversed(wanted))


def misreads(before: str, inserted: str, kept: str) -> bool | None:
    """Whether Python stumbles inside the inserted text, read in the lines that it stands in.

    None where that cannot be told: they do not begin a statement, or it is broken before or behind the text.
    A text that only is not whole yet is none that Python stumbles over.
    """
    start = before.rfind("\n") + 1
    line = before[start:]
    source = line + inserted + kept.split("\n", 1)[0]
    if source.lstrip().startswith(_CLAUSES) or not _begins_statement(before[:start]):
        return None
    opening = "if 1:\n" if source[:1].isspace() else ""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(opening + source, "", "exec", _FLAGS)
    except SyntaxError as error:
        if error.msg == "incomplete input" or error.msg.startswith(_UNFINISHED):
            return False
        lines = source.split("\n")
        row = (error.lineno or 1) - 1 - opening.count("\n")
        if not 0 <= row < len(lines) or "unindent" in error.msg:
            return None
        at = sum(len(each) + 1 for each in lines[:row]) + (error.offset or 1) - 1
        return True if len(line) <= at < len(line) + len(inserted.rstrip()) else None
    except (ValueError, RecursionError, MemoryError):
        return None
    return False


@lru_cache(maxsize=64)
def _begins_statement(above: str) -> bool:
    """Whether a line below `above` begins a statement: no bracket and no string is open there."""
    if above.rstrip("\n").endswith("\\"):
        return False
    try:
        for _ in tokenize.generate_tokens(io.StringIO(above).readline):
            pass
    except (tokenize.TokenError, SyntaxError):
        return False
    return True
