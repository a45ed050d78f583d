"""Definitions by the words that commonly begin them, for languages and texts without a tree."""

from __future__ import annotations

import re

from lsp_server.index.comments import first_line
from lsp_server.index.definition import (
    MAX_DEFINITIONS,
    MAX_IMPORTS,
    MAX_NAME,
    MAX_SIGNATURE,
    Contents,
    Definition,
    Import,
    Kind,
)
from lsp_server.index.imports import imports_in
from lsp_server.syntax.indentation import width

_MAX_LINES = 60  # of one definition
_MAX_TEXT = 200_000
_MODIFIERS = (
    r"(?:(?:pub(?:\([a-z]+\))?|public|private|protected|internal|open|final|abstract|static|sealed|override"
    r"|async|inline|suspend|data|case|local|export|unsafe|extern|mutable|lazy|implicit|virtual|fileprivate"
    r"|noncomputable|partial|default)\s+)*"
)
_FUNCTION = re.compile(
    rf"\s*{_MODIFIERS}(?:def|defp|defmacro|fn|func|fun|function|sub|proc|procedure|method|macro|subroutine)"
    r"\s+(?:\([^)]{0,80}\)\s*)?(?:<[^>]{0,80}>\s*)?(?:[\w.]+[.:])?([A-Za-z_]\w*)"
)
_CLASS = re.compile(
    rf"\s*{_MODIFIERS}(?:class|struct|object|module|defmodule|record|actor|contract|library)\s+"
    r"(?:[\w.]+\.)?([A-Za-z_]\w*)"
)
_TYPE = re.compile(
    rf"\s*{_MODIFIERS}(?:interface|trait|protocol|enum|type|typealias|newtype|union|mixin|extension)\s+"
    r"([A-Za-z_]\w*)"
)
_CONSTANT = re.compile(rf"{_MODIFIERS}(?:const|val|let|readonly)\s+(?:val\s+)?([A-Za-z_]\w*)")
_SHELL = re.compile(r"([A-Za-z_][\w-]*)\s*\(\)\s*\{")
_ASSIGNED = re.compile(r"\s*([A-Za-z_.]\w*)\s*(?:<-|=)\s*function\b")
_PATTERNS: tuple[tuple[re.Pattern[str], Kind], ...] = (
    (_FUNCTION, "function"),
    (_CLASS, "class"),
    (_TYPE, "type"),
    (_CONSTANT, "constant"),
    (_SHELL, "function"),
    (_ASSIGNED, "function"),
)
_COMMENT = re.compile(r"\s*(?://|#|--|;|\*|/\*)")
_IMPORT = re.compile(
    r"\s*(?:(?:local\s+|const\s+)?\w+\s*=\s*)?(?:import|using|use|require|include|open|library)\b\s*\(?\s*[\"'<]?([\w./:\\-]+)"
)
_CLOSING = re.compile(r"\s*(?:[)\]}]|end\b)")
_VALUE = re.compile(r"\s*(?::?=(?!=)|<-).*", re.DOTALL)


def plain_contents(data: bytes, language: str) -> Contents:
    """What a text seems to define: to the end of the lines that are indented more, at most sixty of them."""
    text = data[:_MAX_TEXT].decode("utf-8", "replace")
    lines = text.split("\n")
    definitions: list[Definition] = []
    imports = list(imports_in(text, language))
    known = bool(imports)
    at = 0
    comment: list[str] = []
    for number, line in enumerate(lines):
        size = len(line.encode()) + 1
        found = None if _COMMENT.match(line) else _found(line)
        if found is not None and len(definitions) < MAX_DEFINITIONS:
            name, kind = found
            last = _last_line(lines, number) if kind != "constant" else number
            end = at + sum(len(each.encode()) + 1 for each in lines[number : last + 1]) - 1
            signature = " ".join((_VALUE.sub("", line) if kind == "constant" else line).split())
            definitions.append(
                Definition(
                    name,
                    kind,
                    signature[:MAX_SIGNATURE].rstrip(" {:="),
                    first_line("\n".join(comment)),
                    at,
                    min(end, len(data)),
                    number,
                    last,
                )
            )
        elif not known and (match := _IMPORT.match(line)):
            imports.append(Import(re.sub(r"::|\\|\.(?=\w+$)", "/", match[1])))
        comment = [*comment[-20:], line] if _COMMENT.match(line) else []
        at += size
    return Contents(tuple(definitions), tuple(imports[:MAX_IMPORTS]))


def _found(line: str) -> tuple[str, Kind] | None:
    if len(line) > 2000:
        return None
    for pattern, kind in _PATTERNS:
        match = pattern.match(line)
        if match is not None and len(match[1]) <= MAX_NAME:
            return match[1], kind
    return None


def _last_line(lines: list[str], number: int) -> int:
    """The last line of what begins on line `number`: by indentation, with one closing line."""
    own, last = width(lines[number]), number
    for at in range(number + 1, min(number + _MAX_LINES, len(lines))):
        line = lines[at]
        if not line.strip():
            continue
        if width(line) <= own:
            return at if _CLOSING.match(line) and width(line) == own else last
        last = at
    return last
