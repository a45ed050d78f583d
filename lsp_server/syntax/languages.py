"""Which grammar and which lexical rules read a document. Grammars come in a wheel and load on first use."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import PurePosixPath
from typing import Literal
from urllib.parse import unquote, urlsplit

from tree_sitter import Language
from tree_sitter_language_pack import get_language

from lsp_server.syntax.lexicon import HASH, LEXICONS, PROSE, UNKNOWN, C, Lexicon

# Of the 165 grammars in the wheel, those that were given thousands of random edits and came back each time. A
# grammar is C code that nothing can interrupt: those of COBOL and Perl never return from some texts.
GRAMMARS = frozenset(
    {
        "bash", "c", "clojure", "cmake", "cpp", "csharp", "css", "cuda", "dart", "dockerfile", "elixir",
        "elm", "erlang", "fortran", "go", "graphql", "groovy", "haskell", "hcl", "html", "java",
        "javascript", "json", "julia", "kotlin", "lua", "luau", "make", "matlab", "nim", "nix", "objc",
        "ocaml", "php", "powershell", "proto", "python", "r", "ruby", "rust", "scala", "scheme", "scss",
        "solidity", "sql", "starlark", "svelte", "swift", "terraform", "toml", "tsx", "typescript",
        "verilog", "vhdl", "vue", "xml", "yaml", "zig",
    }
)  # fmt: skip

# The protocol's languageIds that are not the name of a grammar.
_GRAMMAR_OF_ID = {
    "c++": "cpp",
    "cuda-cpp": "cuda",
    "dockercompose": "yaml",
    "golang": "go",
    "javascriptreact": "javascript",
    "jsonc": "json",
    "jsx": "javascript",
    "makefile": "make",
    "objective-c": "objc",
    "objective-cpp": "objc",
    "sh": "bash",
    "shellscript": "bash",
    "typescriptreact": "tsx",
    "zsh": "bash",
}


def canonical(language: str) -> str:
    """One name for each language: editors say `shellscript` of what the index calls `bash`."""
    return _GRAMMAR_OF_ID.get(language.lower(), language.lower())


_GRAMMAR_OF_EXTENSION = {
    ".bash": "bash",
    ".c": "c",
    ".cc": "cpp",
    ".cjs": "javascript",
    ".cpp": "cpp",
    ".cs": "csharp",
    ".css": "css",
    ".cu": "cuda",
    ".cxx": "cpp",
    ".dart": "dart",
    ".ex": "elixir",
    ".exs": "elixir",
    ".go": "go",
    ".h": "c",
    ".hpp": "cpp",
    ".hs": "haskell",
    ".html": "html",
    ".java": "java",
    ".jl": "julia",
    ".js": "javascript",
    ".json": "json",
    ".jsx": "javascript",
    ".kt": "kotlin",
    ".lua": "lua",
    ".m": "objc",
    ".mjs": "javascript",
    ".ml": "ocaml",
    ".php": "php",
    ".py": "python",
    ".pyi": "python",
    ".r": "r",
    ".rb": "ruby",
    ".rs": "rust",
    ".scala": "scala",
    ".scss": "scss",
    ".sh": "bash",
    ".sql": "sql",
    ".swift": "swift",
    ".toml": "toml",
    ".ts": "typescript",
    ".tsx": "tsx",
    ".xml": "xml",
    ".yaml": "yaml",
    ".yml": "yaml",
    ".zig": "zig",
}

# How a language bounds its blocks: by braces, by indentation alone, or by a closing word under the header.
Blocks = Literal["braces", "indentation", "words"]
_INDENTATION = frozenset({"python", "yaml", "nim", "haskell", "elm", "starlark"})
_WORDS = frozenset(
    {
        "bash",
        "cmake",
        "elixir",
        "fortran",
        "julia",
        "lua",
        "luau",
        "make",
        "matlab",
        "ruby",
        "verilog",
        "vhdl",
    }
)
_PROSE = frozenset(
    {"git-commit", "gitcommit", "latex", "markdown", "plaintext", "restructuredtext", "rst", "tex", "text"}
)


@dataclass(frozen=True, slots=True)
class Grammar:
    """A grammar, by its name in the language pack, and what its trees do not tell."""

    name: str
    blocks: Blocks
    lexicon: Lexicon


@lru_cache(maxsize=64)
def language(name: str) -> Language:
    """The grammar itself; its shared library is loaded at the first call. Raises LookupError without one."""
    if name not in GRAMMARS:
        raise LookupError(name)
    return get_language(name)  # type: ignore[arg-type]  # one of a Literal's names, checked above


@lru_cache(maxsize=256)
def grammar_for(language_id: str, uri: str) -> Grammar | None:
    """The grammar of a document, by the protocol's languageId, else by the extension in its uri."""
    name = language_id.lower()
    name = _GRAMMAR_OF_ID.get(name, name)
    if name and name not in GRAMMARS:
        name = _GRAMMAR_OF_EXTENSION.get(PurePosixPath(unquote(urlsplit(uri).path)).suffix.lower(), "")
    if not name:
        return None
    blocks: Blocks = "indentation" if name in _INDENTATION else "words" if name in _WORDS else "braces"
    return Grammar(name, blocks, LEXICONS.get(name, HASH if blocks == "indentation" else C))


def lexicon_for(language_id: str, uri: str) -> Lexicon:
    """The lexical rules of a document, which has some even where there is no grammar for it."""
    grammar = grammar_for(language_id, uri)
    if grammar is not None:
        return grammar.lexicon
    name = language_id.lower()
    return LEXICONS.get(name, PROSE if name in _PROSE else UNKNOWN)
