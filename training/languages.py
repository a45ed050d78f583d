"""Which language a file is in, by its name, and what a file of it that people wrote looks like."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import PurePosixPath


@dataclass(frozen=True, slots=True)
class Language:
    """A language or format, and the limits that files written by hand stay within.

    `max_bytes` is of a file, `max_line` and `mean_line` are characters. Without `tabs` a file indented
    with them is not in the language's usual style. `data` formats are as often written by programs.
    """

    name: str
    suffixes: tuple[str, ...]
    file_names: tuple[str, ...] = ()
    max_bytes: int = 100_000
    max_line: int = 400
    mean_line: int = 70
    tabs: bool = True
    data: bool = False


_ALL = (
    Language("python", (".py",), tabs=False),
    Language("typescript", (".ts", ".mts", ".cts")),
    Language("tsx", (".tsx",)),
    Language("javascript", (".js", ".jsx", ".mjs", ".cjs")),
    Language("java", (".java",)),
    Language("go", (".go",)),
    Language("rust", (".rs",)),
    # C comes first: a header is C++ only in a source that asks for C++ and not for C.
    Language("c", (".c", ".h")),
    Language("cpp", (".cc", ".cpp", ".cxx", ".hh", ".hpp", ".hxx", ".h")),
    Language("markdown", (".md", ".markdown"), max_line=4_000, mean_line=600),
    Language("yaml", (".yaml", ".yml"), max_bytes=30_000, max_line=600, tabs=False, data=True),
    Language("toml", (".toml",), max_bytes=30_000, max_line=600),
    Language("json", (".json", ".jsonc"), max_bytes=12_000, max_line=600, data=True),
    Language("shell", (".sh", ".bash", ".zsh", ".bats"), (".bashrc", ".zshrc", ".profile")),
    Language("sql", (".sql",), mean_line=120),
    Language("html", (".html", ".htm"), max_line=600, mean_line=120, data=True),
    Language("css", (".css",)),
)
LANGUAGES = {language.name: language for language in _ALL}


def language_of(path: str, wanted: Collection[str]) -> Language | None:
    """The language of the file at `path` if it is one of those `wanted`, the first if in doubt."""
    name = PurePosixPath(path).name
    for language in _ALL:
        if language.name in wanted and (name.endswith(language.suffixes) or name in language.file_names):
            return language
    return None
