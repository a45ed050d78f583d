"""What other files of a project say of the names near a cursor."""

from __future__ import annotations

import random
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from training.documents import Document

MAX_PLACES = 3  # of one name in one project; the others are rarely the one that is meant
_FAMILY = {"typescript": "javascript", "tsx": "javascript", "cpp": "c"}
# What comes before the name in the first line of a definition, by family.
_HEADERS = {
    "python": r"(?:async def|def|class) ",
    "javascript": r"(?:export )?(?:default )?(?:declare )?(?:abstract )?(?:async )?"
    r"(?:function|class|interface|type|enum|const) ",
    "java": r"(?:(?:public|protected|private|abstract|final|static|sealed) )*"
    r"(?:class|interface|enum|record|@interface) ",
    "go": r"(?:func|type) ",
    "rust": r"(?:pub(?:\([^)\n]*\))? )?(?:(?:async|const|unsafe) )*(?:fn|struct|enum|trait|type) ",
    "c": r"(?:(?:typedef )?(?:struct|class|enum class|enum|union) (?=[^;\n]*\n?\{)"
    r"|[A-Za-z_][\w* ]*[ *](?=\w+\([^;{]*\)\s*\{))",
}
# A line end in front, and nothing else, lets the search skip from one to the next.
_AT_TOP = {family: re.compile(rf"\n{header}(\w+)") for family, header in _HEADERS.items()}
_ANYWHERE = {
    family: re.compile(rf"^[ \t]*{header}(\w+)", re.MULTILINE) for family, header in _HEADERS.items()
}
# Names that a definition is likely to be found for: of types, of several words, and what is called.
_TELLING = re.compile(r"\b(?:[A-Z]\w{3,}|[a-z]\w*_\w+|\w{4,}(?=\())")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a snippet begins in a document, in characters."""

    document: Document
    start: int


class Neighbours:
    """The definitions and folders of a corpus. Made once; workers that are forked share it.

    A place takes 32 bytes: the document's number and the offset in one integer.
    """

    def __init__(self, documents: Sequence[Document]) -> None:
        self._documents = list(dict.fromkeys(documents))
        self._definitions: dict[tuple[str, str], dict[str, tuple[int, ...]]] = defaultdict(dict)
        self._folders: dict[tuple[str, str], list[int]] = defaultdict(list)
        for number, document in enumerate(self._documents):
            self._folders[document.source, document.folder].append(number)
            if not document.is_test:
                known = self._definitions[document.source, _family(document)]
                for name, start in _definitions(document):
                    places = known.get(name, ())
                    if len(places) < MAX_PLACES:
                        known[name] = (*places, number << 32 | start)

    def draw(self, rng: random.Random, document: Document, near: Iterable[str]) -> Place | None:
        """The definition of one of the names that are used in the texts `near`, of the first that has any, or
        else a chunk of a file in the same folder. Never of the document itself; None if there is neither.

        Names in the 600 characters before the cursor bring a definition in 58% of the draws in Python, in 22%
        (C) to 81% (TSX) in other languages.
        """
        return self._definition(rng, document, near) or self._chunk(rng, document)

    def _definition(self, rng: random.Random, document: Document, near: Iterable[str]) -> Place | None:
        known = self._definitions.get((document.source, _family(document)), {})
        for text in near:
            names = [name for name in dict.fromkeys(_TELLING.findall(text)) if name in known]
            if not names:
                continue
            own = defined_in(document)
            places = [self._place(packed) for name in names if name not in own for packed in known[name]]
            if elsewhere := [place for place in places if place.document.path != document.path]:
                return rng.choice(elsewhere)
        return None

    def _chunk(self, rng: random.Random, document: Document) -> Place | None:
        mates = self._folders.get((document.source, document.folder), [])
        for number in rng.sample(mates, min(2, len(mates))):  # one of them is not the document
            mate = self._documents[number]
            if mate.path != document.path:
                return Place(mate, mate.text.rfind("\n", 0, rng.randrange(len(mate.text) + 1)) + 1)
        return None

    def _place(self, packed: int) -> Place:
        return Place(self._documents[packed >> 32], packed & 0xFFFFFFFF)


@lru_cache(maxsize=1)  # a document's examples are made one after another
def defined_in(document: Document) -> frozenset[str]:
    """Names that the document defines, at any depth."""
    pattern = _ANYWHERE.get(_family(document))
    return frozenset(pattern.findall(document.text) if pattern else ())


def _definitions(document: Document) -> Iterator[tuple[str, int]]:
    """Names defined at top level, but in a file's first line, and where."""
    pattern = _AT_TOP.get(_family(document))
    if pattern:
        for match in pattern.finditer(document.text):
            yield match[1], match.start() + 1


def _family(document: Document) -> str:
    return _FAMILY.get(document.language, document.language)
