from __future__ import annotations

import pytest

from training.languages import LANGUAGES, comment_markers, language_of

EVERY = tuple(LANGUAGES)


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("a/b.py", "python"), ("a.ts", "typescript"), ("a.d.ts", "typescript"), ("a.tsx", "tsx"),
        ("a.mjs", "javascript"), ("A.java", "java"), ("a.go", "go"), ("a.rs", "rust"), ("a.c", "c"),
        ("a.cc", "cpp"), ("README.md", "markdown"), (".github/workflows/ci.yml", "yaml"),
        ("Cargo.toml", "toml"), ("tsconfig.json", "json"), ("home/.bashrc", "shell"), ("q.sql", "sql"),
        ("index.html", "html"), ("a.css", "css"), ("a.pyc", None), ("Cargo.lock", None), ("a.js.map", None),
        ("py", None), ("a.snap", None),
    ],
)  # fmt: skip
def test_a_file_name_says_the_language(path: str, name: str | None) -> None:
    language = language_of(path, EVERY)
    assert (language.name if language else None) == name


@pytest.mark.parametrize(("wanted", "name"), [(("c",), "c"), (("cpp",), "cpp"), (("cpp", "c"), "c")])
def test_a_header_is_in_the_language_that_is_asked_for(wanted: tuple[str, ...], name: str) -> None:
    language = language_of("include/list.h", wanted)
    assert language is not None
    assert language.name == name


def test_a_language_that_nobody_asked_for_is_none() -> None:
    assert language_of("a.py", ("go", "rust")) is None


def test_comments_begin_as_the_language_has_it() -> None:
    assert "// one".startswith(comment_markers("go"))
    assert not "# include <a.h>".startswith(comment_markers("c"))
    assert "-- one".startswith(comment_markers("sql"))
    assert not "# one".startswith(comment_markers("json"))
    assert "# one".startswith(comment_markers("python"))
    assert "# one".startswith(comment_markers("none that is known"))
