"""Which language a file is in, by its name, and what a file of it that people wrote looks like."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import PurePosixPath


@dataclass(frozen=True, slots=True)
class Language:
    """A language or format, and the limits that files written by hand stay within.

    `max_bytes` is of a file, `max_line` and `mean_line` are characters. Without `tabs` a file indented
    with them is not in the language's usual style. `data` formats are as often written by programs. A line
    of comment begins with one of `comments`.
    """

    name: str
    suffixes: tuple[str, ...]
    file_names: tuple[str, ...] = ()
    max_bytes: int = 100_000
    max_line: int = 400
    mean_line: int = 70
    tabs: bool = True
    data: bool = False
    comments: tuple[str, ...] = ("#",)


_SLASHES = ("//", "/*", "* ", "*/")
_ALL = (
    Language("python", (".py",), tabs=False),
    Language("typescript", (".ts", ".mts", ".cts"), comments=_SLASHES),
    Language("tsx", (".tsx",), comments=_SLASHES),
    Language("javascript", (".js", ".jsx", ".mjs", ".cjs"), comments=_SLASHES),
    Language("java", (".java",), comments=_SLASHES),
    Language("go", (".go",), comments=_SLASHES),
    Language("rust", (".rs",), comments=_SLASHES),
    # C comes first: a header is C++ only in a source that asks for C++ and not for C.
    Language("c", (".c", ".h"), comments=_SLASHES),
    Language("cpp", (".cc", ".cpp", ".cxx", ".hh", ".hpp", ".hxx", ".h"), comments=_SLASHES),
    Language("markdown", (".md", ".markdown"), max_line=4_000, mean_line=600, comments=("<!--",)),
    Language("yaml", (".yaml", ".yml"), max_bytes=30_000, max_line=600, tabs=False, data=True),
    Language("toml", (".toml",), max_bytes=30_000, max_line=600),
    Language("json", (".json", ".jsonc"), max_bytes=12_000, max_line=600, data=True, comments=()),
    Language("shell", (".sh", ".bash", ".zsh", ".bats"), (".bashrc", ".zshrc", ".profile")),
    Language("sql", (".sql",), mean_line=120, comments=("--",)),
    Language("html", (".html", ".htm"), max_line=600, mean_line=120, data=True, comments=("<!--",)),
    Language("css", (".css",), comments=_SLASHES),
)
LANGUAGES = {language.name: language for language in _ALL}


def language_of(path: str, wanted: Collection[str]) -> Language | None:
    """The language of the file at `path` if it is one of those `wanted`, the first if in doubt."""
    name = PurePosixPath(path).name
    for language in _ALL:
        if language.name in wanted and (name.endswith(language.suffixes) or name in language.file_names):
            return language
    return None


def comment_markers(name: str) -> tuple[str, ...]:
    """What a line of comment begins with in the language called `name`; that of most scripts if unknown."""
    return LANGUAGES[name].comments if name in LANGUAGES else ("#",)
