"""The lexical rules of languages: comments, strings and brackets, no more.

A tree cannot be asked about half a line that a model is still writing: an open quote makes the parser guess.
These rules read such text from left to right and change their mind about nothing that they have passed.
"""

import re
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Delimited:
    """A comment or a string: how it opens and closes."""

    opening: str
    closing: str
    comment: bool = False
    multiline: bool = False
    escape: bool = True
    # What opens code inside it, closed by "}": "${" in a template literal.
    embeds: str = ""

    # Opens only at a line's beginning or after white space: "#" in a shell.
    spaced: bool = False

    def pattern(self) -> str:
        """What the opening mark looks like, as a regular expression."""
        return (r"(?<!\S)" if self.spaced else "") + re.escape(self.opening)

    def inner(self) -> re.Pattern[str]:
        """What to look at inside: an escape, embedded code, the closing mark, or a line end."""
        parts = [r"(?P<escape>\\[^\r\n])"] if self.escape else []
        if self.embeds:
            parts.append(f"(?P<embed>{re.escape(self.embeds)})")
        if self.closing != "\n":
            parts.append(f"(?P<close>{re.escape(self.closing)})")
        return re.compile("|".join([*parts, r"(?P<newline>\r\n|\n|\r)"]))


@dataclass(frozen=True, slots=True)
class Lexicon:
    """The rules of one language. `brackets` is off for prose, where they need not balance."""

    delimited: tuple[Delimited, ...]
    brackets: bool = True
    # 'x' is a character; a single quote that does not fit that form means nothing (Rust's lifetimes).
    characters: bool = False
    raw: bool = False  # Rust: r#"…"#
    outer: re.Pattern[str] = field(init=False, repr=False, compare=False)
    inner: dict[str, re.Pattern[str]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        ordered = sorted(self.delimited, key=lambda mark: -len(mark.opening))
        parts = [r"(?P<newline>\r\n|\n|\r)"]
        if self.characters:
            parts.append(r"(?P<character>'(?:\\(?:u\{\w+\}|\w+|.)|[^\\'\r\n])')")
        if self.raw:
            parts.append(r"(?P<raw>\bb?r#*\")")
        if ordered:
            parts.append(f"(?P<mark>{'|'.join(mark.pattern() for mark in ordered)})")
        if self.brackets:
            parts.append(r"(?P<open>[([{])|(?P<close>[)\]}])")
        object.__setattr__(self, "outer", re.compile("|".join(parts)))
        object.__setattr__(self, "inner", {mark.opening: mark.inner() for mark in self.delimited})

    def line_comment(self) -> str:
        """What begins a comment that ends with its line, or nothing."""
        return next((mark.opening for mark in self.delimited if mark.closing == "\n"), "")


def _line(opening: str) -> Delimited:
    return Delimited(opening, "\n", comment=True, escape=False)


def _block(opening: str, closing: str) -> Delimited:
    return Delimited(opening, closing, comment=True, multiline=True, escape=False)


def _string(mark: str, *, multiline: bool = False, escape: bool = True, embeds: str = "") -> Delimited:
    return Delimited(mark, mark, multiline=multiline, escape=escape, embeds=embeds)


_SLASHES = (_line("//"), _block("/*", "*/"))
_QUOTES = (_string('"'), _string("'"))

C = Lexicon((*_SLASHES, _string('"')), characters=True)
HASH = Lexicon((_line("#"), *_QUOTES))
PROSE = Lexicon((), brackets=False)
# For a language of which nothing is known: strings that end with their line at the latest.
UNKNOWN = Lexicon((_string('"'),))

_PYTHON = Lexicon(
    (_line("#"), *_QUOTES, _string('"""', multiline=True), _string("'''", multiline=True)),
)
_JAVASCRIPT = Lexicon((*_SLASHES, *_QUOTES, _string("`", multiline=True, embeds="${")))
_TRIPLE = Lexicon((*_SLASHES, _string('"'), _string('"""', multiline=True)), characters=True)
_SHELL = Lexicon(
    (
        Delimited("#", "\n", comment=True, escape=False, spaced=True),
        _string('"', multiline=True),
        _string("'", multiline=True, escape=False),
    )
)
_DASHES = (_line("--"), _string('"'))

_SEMICOLON = Lexicon((_line(";"), _string('"', multiline=True)))
_PERCENT = Lexicon((_line("%"), _string('"')))
_HASH_AND_SLASHES = Lexicon((*_SLASHES, _line("#"), _string('"')))
_MARKUP = Lexicon((_block("<!--", "-->"),), brackets=False)
_LUA = Lexicon((*_DASHES, _string("'"), _block("--[[", "]]")))

LEXICONS = {
    "bash": _SHELL,
    "clojure": _SEMICOLON,
    "cmake": Lexicon((_line("#"), _string('"', multiline=True))),
    "css": Lexicon((_block("/*", "*/"), *_QUOTES)),
    "dart": Lexicon((*_SLASHES, *_QUOTES, _string('"""', multiline=True), _string("'''", multiline=True))),
    "dockerfile": HASH,
    "elixir": Lexicon((_line("#"), _string('"', multiline=True), _string('"""', multiline=True))),
    "elm": Lexicon((_line("--"), _block("{-", "-}"), _string('"')), characters=True),
    "erlang": _PERCENT,
    "fortran": Lexicon((_line("!"), *_QUOTES)),
    "go": Lexicon((*_SLASHES, _string('"'), _string("`", multiline=True, escape=False)), characters=True),
    "graphql": Lexicon((_line("#"), _string('"'), _string('"""', multiline=True))),
    "haskell": Lexicon((_line("--"), _block("{-", "-}"), _string('"')), characters=True),
    "hcl": _HASH_AND_SLASHES,
    "html": _MARKUP,
    "java": _TRIPLE,
    "javascript": _JAVASCRIPT,
    "julia": Lexicon((_line("#"), _string('"'), _string('"""', multiline=True)), characters=True),
    "kotlin": _TRIPLE,
    "lua": _LUA,
    "luau": _LUA,
    "make": HASH,
    "matlab": _PERCENT,
    "nix": Lexicon((_line("#"), _string('"'), _string("''", multiline=True, escape=False))),
    "ocaml": Lexicon((_block("(*", "*)"), _string('"', multiline=True)), characters=True),
    "perl": HASH,
    "php": Lexicon((*_SLASHES, _line("#"), _string('"', multiline=True), _string("'", multiline=True))),
    "powershell": HASH,
    "python": _PYTHON,
    "r": HASH,
    "ruby": HASH,
    "rust": Lexicon((*_SLASHES, _string('"', multiline=True)), characters=True, raw=True),
    "scala": _TRIPLE,
    "scheme": _SEMICOLON,
    "sql": Lexicon((_line("--"), _block("/*", "*/"), *_QUOTES)),
    "starlark": _PYTHON,
    "svelte": _MARKUP,
    "swift": Lexicon((*_SLASHES, _string('"'), _string('"""', multiline=True))),
    "terraform": _HASH_AND_SLASHES,
    "toml": _PYTHON,
    "tsx": _JAVASCRIPT,
    "typescript": _JAVASCRIPT,
    "vhdl": Lexicon(_DASHES, characters=True),
    "vue": _MARKUP,
    "xml": _MARKUP,
    "yaml": HASH,
}
