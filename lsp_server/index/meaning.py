"""Which of the definitions of a name a document means: through its imports first, then by the name alone."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Sequence
from dataclasses import dataclass

from lsp_server.index.definition import Import

_INDEX_FILES = frozenset({"__init__", "index", "mod", "lib", "main"})
_EXTENSION = re.compile(r"\.\w{1,4}$")
_TEST = re.compile(r"(?:^|[/_.])(?:tests?|spec|mocks?|fixtures?)(?:[/_.]|$)", re.IGNORECASE)
# As in training/neighbours.py: names of types, of several words, and what is called.
_TELLING = re.compile(r"\b(?:[A-Z]\w{3,}|[a-z]\w*_\w+|\w{4,}(?=\())")

Rank = tuple[object, ...]


def telling_names(text: str, start: int, end: int) -> tuple[str, ...]:
    """The names in [start, end) that are likely to be defined somewhere else, the last one first."""
    return tuple(dict.fromkeys(reversed(_TELLING.findall(text, start, end))))


@dataclass(frozen=True, slots=True)
class Place:
    """Where a name is defined: as in `Definition`; `path` is the file's, from the same folder as others'."""

    name: str
    kind: str
    container: str
    path: str
    start: int


class Meaning:
    """What names mean in the document at `path`, which makes `imports`."""

    __slots__ = ("_modules", "_path")

    def __init__(self, path: str, imports: Sequence[Import]) -> None:
        self._path = path
        self._modules = {each: _module(each, path) for each in imports}

    def there(self, name: str) -> str:
        """What a name of this document is called where it is defined."""
        bound = self._bound(name)
        return bound[0][1] if bound and bound[0][1] else name

    def rank(self, name: str, order: int, place: Place) -> Rank | None:
        """How likely `name`, the document's, which is wanted as the `order`-th, means this place: the lowest
        rank is the likeliest. None: it does not."""
        bound = self._bound(name)
        sources = [self._modules[each] for each, _ in bound] or [
            module
            for each, module in self._modules.items()
            if not each.names or any(not there for _, there in each.names)
        ]
        stem = _stem(place.path)
        near = max((_agreement(each, stem) for each in sources), default=0)
        if bound and not near:
            return None  # it comes from elsewhere, and only its name is the same
        if place.kind == "constant" and not bound:
            return None
        return (
            not near,
            bool(place.container),
            bool(_TEST.search(place.path)),
            order,
            -near,
            -_shared(place.path, self._path),
            place.path.count("/"),
            place.path,
            place.start,
        )

    def _bound(self, name: str) -> list[tuple[Import, str]]:
        return [(each, there) for each in self._modules for here, there in each.names if here == name]


def cut(text: str, room: int) -> str:
    """At most `room` characters: whole lines, where the first fits."""
    if len(text) < room:
        return text + "\n"
    return text[: text.rfind("\n", 0, room) + 1] or text[:room]


def _module(imported: Import, document: str) -> tuple[bool, list[str]]:
    """Whether an import names one place, seen from the document, and the parts of its module's path."""
    module = _EXTENSION.sub("", imported.module).lower()
    if not module.startswith("."):
        return False, [part for part in module.split("/") if part]
    path = posixpath.normpath(posixpath.join(posixpath.dirname(document.lower()), module))
    return True, [] if path == "." else path.split("/")


def _stem(path: str) -> list[str]:
    """The parts of the path under which a file is imported."""
    stem = _EXTENSION.sub("", path).lower().split("/")
    return stem[:-1] if stem[-1] in _INDEX_FILES and len(stem) > 1 else stem


def _agreement(module: tuple[bool, list[str]], stem: list[str]) -> int:
    """How many last parts of a module's path a file's, or its folder's, agrees with; 0 for no.

    1 at least where the file lies somewhere inside the module, which may hand out what is defined there.
    """
    is_exact, parts = module
    if is_exact:
        if stem == parts:
            return 100
        return 50 if stem[:-1] == parts else 0
    if not parts or parts[-1] not in stem:
        return 0
    return max(1, _common_end(parts, stem), _common_end(parts, stem[:-1]))


def _common_end(first: list[str], second: list[str]) -> int:
    count = 0
    for one, other in zip(reversed(first), reversed(second), strict=False):
        if one != other:
            break
        count += 1
    return count


def _shared(first: str, second: str) -> int:
    """How many folders two paths have in common from the top."""
    count = 0
    for one, other in zip(first.split("/")[:-1], second.split("/")[:-1], strict=False):
        if one != other:
            break
        count += 1
    return count
