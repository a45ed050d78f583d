"""What import statements bind, by their text: they are one line's worth of syntax in every language."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from lsp_server.index.definition import Import

_Names = tuple[tuple[str, str], ...]

_FROM = re.compile(r"^\s*from\s+(\.*)\s*([\w.]*)\s+import\s+(\([^)]*\)|[^\n;#]+)", re.MULTILINE)
_IMPORT = re.compile(r"^\s*import\s+([^\n;#]+)", re.MULTILINE)
_SCRIPT = re.compile(r"""\b(?:import|export)\s+(?:type\s+)?([^;'"]*?)\s*(?:\bfrom\s*)?["']([^"'\n]+)["']""")
_REQUIRED = re.compile(r"""(?:(\{[^}]*\}|\w+)\s*=\s*)?\brequire\(\s*["']([^"'\n]+)["']\s*\)""")
_JAVA = re.compile(r"\bimport\s+(static\s+)?([\w.]+?)(\.\*)?\s*;")
_GO = re.compile(r"""(?:([\w.]+)\s+)?["`]([^"`\n]+)["`]""")
_RUST = re.compile(r"\buse\s+([^;]+);")
_INCLUDE = re.compile(r"""#\s*(?:include|import)\s*["<]([^">\n]+)[">]""")
_USING = re.compile(r"\busing\s+(?:static\s+)?(?:(\w+)\s*=\s*)?([\w.]+)\s*;")
_RUBY = re.compile(r"""\b(require|require_relative|load|autoload)\b\s*\(?[^"'\n]{0,40}["']([^"'\n]+)["']""")
_PHP_USE = re.compile(r"\buse\s+(?:function\s+|const\s+)?([^;]+);")
_PHP_FILE = re.compile(r"""\b(?:require|include)(?:_once)?\b[^"'\n;]*["']([^"'\n]+)["']""")
_ALIASED = re.compile(r"\s*(?:type\s+)?([\w.$*\\]+)(?:\s*(?:\bas\b|:)\s*([\w$]+))?\s*")


def imports_in(text: str, language: str) -> Iterator[Import]:
    """The imports that `text`, one statement or many, makes in a language (a grammar's name)."""
    reader = _READERS.get(language)
    return reader(text) if reader is not None else iter(())


def _python(text: str) -> Iterator[Import]:
    for dots, module, listed in _FROM.findall(text):
        names = () if listed.strip() == "*" else _aliases(listed.strip("()"))
        path = module.replace(".", "/")
        if dots:
            path = ("./" if len(dots) == 1 else "../" * (len(dots) - 1)) + path
        yield Import(path, names)
    for listed in _IMPORT.findall(text):
        for module, local in _aliases(listed, aliased_first=False):
            yield Import(module.replace(".", "/"), ((local, ""),))


def _script(text: str) -> Iterator[Import]:
    for clause, module in (*_SCRIPT.findall(text), *_REQUIRED.findall(text)):
        head, braces, rest = clause.partition("{")
        names = list(_aliases(rest.partition("}")[0])) if braces else []
        for part in filter(None, (piece.strip() for piece in head.split(","))):
            star = part.removeprefix("*").strip().removeprefix("as ").strip()
            if re.fullmatch(r"[\w$]+", star):
                names.append((star, ""))
        yield Import(module, tuple(names))


def _java(text: str) -> Iterator[Import]:
    for static, dotted, star in _JAVA.findall(text):
        path, name = dotted.replace(".", "/"), dotted.rpartition(".")[2]
        if star:
            yield Import(path)
        else:
            yield Import(path.rpartition("/")[0] if static else path, ((name, name),))


def _go(text: str) -> Iterator[Import]:
    for alias, path in _GO.findall(text):
        if alias not in ("import", "_"):
            local = alias or re.sub(r"/v\d+$", "", path).rpartition("/")[2]
            yield Import(path, () if alias == "." else ((local, ""),))
        elif alias == "import":
            yield Import(path, ((path.rpartition("/")[2], ""),))


def _rust(text: str) -> Iterator[Import]:
    for tree in _RUST.findall(text):
        yield from _use("", tree, 0)


def _use(before: str, tree: str, depth: int) -> Iterator[Import]:
    """A use-tree: `a::b::{C, d::E as F}` behind the path `before`."""
    head, braces, rest = tree.partition("{")
    if braces and depth < 8:
        for part in _split(rest.rpartition("}")[0]):
            yield from _use(before + head, part, depth + 1)
        return
    path, _, alias = (before + head).partition(" as ")
    parts = [
        part for part in re.split(r"\s*::\s*", path.strip()) if part not in ("crate", "self", "super", "")
    ]
    if not parts:
        return
    if parts[-1] == "*":
        yield Import("/".join(parts[:-1]))
    else:
        yield Import("/".join(parts[:-1]), ((alias.strip() or parts[-1], parts[-1]),))


def _c(text: str) -> Iterator[Import]:
    for path in _INCLUDE.findall(text):
        yield Import(path)


def _csharp(text: str) -> Iterator[Import]:
    for alias, dotted in _USING.findall(text):
        names: _Names = ((alias, dotted.rpartition(".")[2]),) if alias else ()
        yield Import(dotted.replace(".", "/"), names)


def _ruby(text: str) -> Iterator[Import]:
    for word, path in _RUBY.findall(text):
        yield Import("./" + path if word == "require_relative" and path[:1] != "." else path)


def _php(text: str) -> Iterator[Import]:
    for listed in _PHP_USE.findall(text):
        head, braces, rest = listed.partition("{")
        for name, local in _aliases(rest.rpartition("}")[0] if braces else head, aliased_first=False):
            path = ((head.strip() if braces else "") + name).strip("\\").replace("\\", "/")
            last = path.rpartition("/")[2]
            yield Import(path, ((last if local == name.partition(".")[0] else local, last),))
    for path in _PHP_FILE.findall(text):
        yield Import(path.lstrip("/"))


def _aliases(listed: str, aliased_first: bool = True) -> _Names:
    """`a, b as c` as ((a, a), (c, b)); with `aliased_first` off as (name there, name here) pairs.

    The name here of `x.y` without an alias is `x`.
    """
    pairs = []
    for part in _split(re.sub(r"#[^\n]*|//[^\n]*", "", listed)):
        match = _ALIASED.fullmatch(part)
        if match is not None:
            there, here = match[1], match[2] or match[1].partition(".")[0]
            pairs.append((here, there) if aliased_first else (there, here))
    return tuple(pairs)


def _split(listed: str) -> list[str]:
    """At the commas outside of braces."""
    parts, depth, start = [], 0, 0
    for at, char in enumerate(listed):
        depth += (char == "{") - (char == "}")
        if char == "," and depth == 0:
            parts.append(listed[start:at])
            start = at + 1
    return [part.strip() for part in (*parts, listed[start:]) if part.strip()]


_READERS: dict[str, Callable[[str], Iterator[Import]]] = {
    "python": _python,
    "javascript": _script,
    "typescript": _script,
    "tsx": _script,
    "java": _java,
    "go": _go,
    "rust": _rust,
    "c": _c,
    "cpp": _c,
    "objc": _c,
    "csharp": _csharp,
    "ruby": _ruby,
    "php": _php,
}
