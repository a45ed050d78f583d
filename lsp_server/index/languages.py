"""Which files the index reads, and as what."""

from __future__ import annotations

from pathlib import PurePosixPath

# Grammars with definitions of their own (`definitions.LANGUAGES`), then languages read by their words.
_EXTENSIONS = {
    "python": ".py .pyi .pyw",
    "javascript": ".js .jsx .mjs .cjs",
    "typescript": ".ts .mts .cts",
    "tsx": ".tsx",
    "java": ".java",
    "go": ".go",
    "rust": ".rs",
    "c": ".c .h",
    "cpp": ".cc .cpp .cxx .hh .hpp .hxx .ipp .inl .cu .cuh",
    "csharp": ".cs",
    "ruby": ".rb .rake",
    "php": ".php",
    "objc": ".m .mm",
    "kotlin": ".kt .kts",
    "scala": ".scala .sc",
    "swift": ".swift",
    "dart": ".dart",
    "lua": ".lua",
    "elixir": ".ex .exs",
    "bash": ".sh .bash .zsh",
    "julia": ".jl",
    "r": ".r",
    "perl": ".pl .pm",
    "zig": ".zig",
    "nim": ".nim",
    "groovy": ".groovy .gradle",
    "haskell": ".hs",
    "ocaml": ".ml .mli",
}
_LANGUAGE = {suffix: name for name, suffixes in _EXTENSIONS.items() for suffix in suffixes.split()}
# Languages whose files name each other's definitions.
_FAMILY = {"typescript": "javascript", "tsx": "javascript", "cpp": "c", "objc": "c", "cuda": "c"}


RULES = (".gitignore", ".midfillignore")
"""Files that say which others are not to be read."""


def language_of(path: str) -> str | None:
    """The language of a file by its extension; None for one that the index does not read."""
    return _LANGUAGE.get(PurePosixPath(path).suffix.lower())


def family_of(language: str) -> str:
    """The name under which the definitions of a language are found."""
    return _FAMILY.get(language, language)


def globs() -> tuple[str, ...]:
    """Patterns, in LSP's syntax, of the files whose changes matter."""
    suffixes = ",".join(sorted(suffix[1:] for suffix in _LANGUAGE))
    return (f"**/*.{{{suffixes}}}", *(f"**/{name}" for name in RULES))
