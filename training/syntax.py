"""Syntax nodes around a place in a document, in characters, by tree-sitter."""

from __future__ import annotations

from bisect import bisect_right
from functools import lru_cache

import numpy as np
from tree_sitter import Node, Parser, Tree
from tree_sitter_language_pack import get_parser

MAX_CHARACTERS, MAX_LINES = 200, 4
# By our name of a language, those that have one. Prose has no nodes that anybody completes.
_GRAMMARS = {
    "python": "python", "typescript": "typescript", "tsx": "tsx", "javascript": "javascript", "java": "java",
    "go": "go", "rust": "rust", "c": "c", "cpp": "cpp", "yaml": "yaml", "toml": "toml", "json": "json",
    "shell": "bash", "sql": "sql", "html": "html", "css": "css",
}  # fmt: skip


@lru_cache(maxsize=32)
def parser_of(language: str) -> Parser | None:
    """The parser of a language; None without a grammar for it."""
    return get_parser(_GRAMMARS[language]) if language in _GRAMMARS else None  # type: ignore[arg-type]  # one of its names


class Syntax:
    """The syntax tree of a text, parsed when it is first asked for."""

    def __init__(self, text: str, language: str) -> None:
        self._text = text
        self._language = language
        self._tree: Tree | None = None
        self._byte_of: list[int] | None = None  # by character; None where every character is one byte

    def nodes_at(self, cursor: int) -> list[tuple[int, int]]:
        """Extents of the named nodes that hold the character at `cursor`, innermost first.

        Only of those within `MAX_CHARACTERS` and `MAX_LINES`, and of none that are around an error. Nothing
        without a grammar.
        """
        tree = self._tree = self._tree or self._parse()
        if tree is None:
            return []
        at = self._byte_of[cursor] if self._byte_of else cursor
        walk = tree.walk()
        found: list[tuple[int, int]] = []
        while walk.goto_first_child_for_byte(at) is not None:
            node: Node = walk.node  # type: ignore[assignment]  # there is one where the walk went
            start, end = node.start_byte, node.end_byte
            if start > at or end <= at:
                break
            if node.is_error:
                found.clear()
                continue
            if not node.is_named or end - start > MAX_CHARACTERS * 4:
                continue
            extent = self._character(start), self._character(end)
            if extent[1] - extent[0] > MAX_CHARACTERS or (found and found[-1] == extent):
                continue
            if self._text.count("\n", *extent) < MAX_LINES:
                found.append(extent)
        return found[::-1]

    def _parse(self) -> Tree | None:
        parser = parser_of(self._language)
        if parser is None:
            return None
        data = self._text.encode()
        if len(data) != len(self._text):
            # Bytes that go on a character are 10xxxxxx.
            begins = (np.frombuffer(data, np.uint8) & 0xC0) != 0x80
            self._byte_of = [*np.flatnonzero(begins).tolist(), len(data)]
        return parser.parse(data)

    def _character(self, byte: int) -> int:
        return bisect_right(self._byte_of, byte) - 1 if self._byte_of else byte
