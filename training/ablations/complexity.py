"""McCabe's cyclomatic complexity (A Complexity Measure, IEEE TSE 1976), of any language with a grammar."""

from __future__ import annotations

from tree_sitter import Node

from training.syntax import parser_of

# Leaves of the syntax tree that a path divides at; in a string or a comment they are no leaves.
_DIVIDE = frozenset({"if", "elif", "for", "while", "case", "catch", "except", "and", "or", "&&", "||", "??"})
_ELSEWHERE = {"for": "impl_item", "||": "closure_parameters"}  # where the same leaf divides nothing
_TERNARY = frozenset({"conditional_expression", "ternary_expression"})
_FUNCTIONS = frozenset(
    {
        "function_definition", "function_declaration", "function_item", "function_expression",
        "arrow_function", "method_declaration", "method_definition", "constructor_declaration",
        "func_literal",
    }
)  # fmt: skip


def complexity(text: str, language: str) -> float:
    """The mean over the functions of a file: decisions / functions + 1. Without a function it is one of them;
    without a grammar there is nothing to decide.

    The file's own number would order files by their length.
    """
    parser = parser_of(language)
    if parser is None:
        return 1.0
    decisions = functions = 0
    stack: list[Node] = [parser.parse(text.encode()).root_node]
    while stack:
        node = stack.pop()
        functions += node.type in _FUNCTIONS
        decisions += node.type == "match_arm"
        if node.child_count:
            kind = node.type
            for child in node.children:
                if child.child_count:
                    stack.append(child)
                else:
                    decisions += _divides(child.type, kind)
    return decisions / max(1, functions) + 1


def _divides(leaf: str, parent: str) -> bool:
    if leaf == "?":
        return parent in _TERNARY
    return leaf in _DIVIDE and _ELSEWHERE.get(leaf) != parent
