"""Which grammar and which lexical rules read a document. Grammars come in a wheel and load on first use."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import PurePosixPath
from typing import Literal, get_args
from urllib.parse import unquote, urlsplit

from tree_sitter import Language
from tree_sitter_language_pack import SupportedLanguage, get_language

from lsp_server.syntax.lexicon import HASH, LEXICONS, C, Lexicon

_GRAMMARS: frozenset[str] = frozenset(get_args(SupportedLanguage))

# The protocol's languageIds, and those of common extensions, that are not a grammar's name.
_GRAMMAR_OF_ID = {
    "bat": "",
    "c++": "cpp",
    "coffeescript": "",
    "cuda-cpp": "cuda",
    "dockercompose": "yaml",
    "fsharp": "",
    "git-commit": "",
    "gitcommit": "",
    "golang": "go",
    "javascriptreact": "javascript",
    "jsonc": "json",
    "jsx": "javascript",
    "less": "",
    "makefile": "make",
    "markdown": "",
    "objective-c": "objc",
    "objective-cpp": "objc",
    "plaintext": "",
    "restructuredtext": "",
    "rst": "",
    "sh": "bash",
    "shellscript": "bash",
    "text": "",
    "typescriptreact": "tsx",
    "zsh": "bash",
}

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
    ".pl": "perl",
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
_INDENTATION = frozenset({"python", "yaml", "gdscript", "nim", "haskell", "elm", "starlark", "fsharp", "pug"})
_WORDS = frozenset({"ruby", "lua", "luau", "bash", "elixir", "julia", "fish", "vim", "matlab", "ada", "make"})


@dataclass(frozen=True, slots=True)
class Grammar:
    """A grammar, by its name in the language pack, and what its trees do not tell."""

    name: str
    blocks: Blocks
    lexicon: Lexicon


@lru_cache(maxsize=64)
def language(name: str) -> Language:
    """The grammar itself; its shared library is loaded at the first call. Raises LookupError without one."""
    if name not in _GRAMMARS:
        raise LookupError(name)
    return get_language(name)  # type: ignore[arg-type]  # a Literal of 170 names, checked above


@lru_cache(maxsize=256)
def grammar_for(language_id: str, uri: str) -> Grammar | None:
    """The grammar of a document, by the protocol's languageId, else by the extension in its uri."""
    name = language_id.lower()
    name = _GRAMMAR_OF_ID.get(name, name)
    if name and name not in _GRAMMARS:
        name = _GRAMMAR_OF_EXTENSION.get(PurePosixPath(unquote(urlsplit(uri).path)).suffix.lower(), "")
    if not name:
        return None
    blocks: Blocks = "indentation" if name in _INDENTATION else "words" if name in _WORDS else "braces"
    return Grammar(name, blocks, LEXICONS.get(name, HASH if blocks == "indentation" else C))
