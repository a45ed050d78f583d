"""What the sources are asked, and what they answer with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Protocol
from urllib.parse import unquote, urlsplit

from inference.messages import Snippet
from lsp_server.completion.context import PREFIX_BUDGET, SUFFIX_BUDGET, plain
from lsp_server.completion.request import display_path
from lsp_server.completion.sources.pace import Pace
from lsp_server.document import Snapshot
from lsp_server.index.definition import Import
from lsp_server.index.imports import imports_in
from lsp_server.index.languages import family_of
from lsp_server.index.meaning import telling_names
from lsp_server.syntax.scopes import imports

NEAR = 600  # characters before the cursor's line; as in training/examples.py
_MEASURE = 4  # characters of a line that says anything
_REPEATED = 0.5  # share of a piece's lines that stand near the cursor already, from which it says nothing new


@dataclass(frozen=True, slots=True)
class Piece:
    """What may be shown of a document: `uri` is its own, "" for a file that nobody has open."""

    uri: str
    snippet: Snippet


@dataclass(frozen=True, slots=True)
class Window:
    """The extent [start, end) of what a prompt may hold of the document around a cursor, but for its outline;
    `lines` as of `lines_of`."""

    start: int
    end: int
    lines: frozenset[str]


@dataclass(frozen=True, slots=True)
class Query:
    """A place in a document.

    `others` are the documents that may be shown, the last used first. `lines` are those of the window and of
    the imports. `names` are likely to be defined elsewhere, the nearest first; the cursor's own line, which
    changes with each key, has no say in them.
    """

    snapshot: Snapshot
    offset: int
    others: tuple[Snapshot, ...]
    window: Window
    lines: frozenset[str]
    names: tuple[str, ...]
    imports: tuple[Import, ...]

    @classmethod
    def of(cls, snapshot: Snapshot, offset: int, others: tuple[Snapshot, ...]) -> Query:
        start = snapshot.line_start(offset)
        window = window_of(snapshot, offset)
        grammar = snapshot.grammar
        listed = "".join(snapshot.text[first:last] for first, last in imports(snapshot, start))
        near = snapshot.text[max(0, start - NEAR) : start]
        return cls(
            snapshot,
            offset,
            others,
            window,
            window.lines | lines_of(listed),
            telling_names(near, 0, len(near)),
            tuple(imports_in(listed, grammar.name)) if grammar is not None else (),
        )

    @property
    def family(self) -> str:
        """Names the languages whose files speak of each other."""
        return family(self.snapshot)

    def piece(self, source: Snapshot, text: str) -> Piece | None:
        """Some text of a document as it may be shown; None for one that says nothing new here."""
        lines = lines_of(text)
        if not lines or len(lines & self.lines) > _REPEATED * len(lines):
            return None
        if source.uri == self.snapshot.uri and not lines.isdisjoint(self.window.lines):
            return None
        return Piece(source.uri, Snippet(display_path(source.uri), plain(text)))


class Source(Protocol):
    """One kind of what may help."""

    async def find(self, query: Query, pace: Pace) -> tuple[Piece, ...]:
        """The best first; twice as many as are shown, so that what was shown before may be among them."""
        ...


def window_of(snapshot: Snapshot, offset: int) -> Window:
    """The window around a place."""
    start, end = max(0, offset - PREFIX_BUDGET), min(len(snapshot.text), offset + SUFFIX_BUDGET)
    return Window(start, end, lines_of(snapshot.text[start:end]))


def lines_of(text: str) -> frozenset[str]:
    """The lines of a text without the blanks around them; not those that every file has, as `}` or `x`."""
    return frozenset(line for each in text.splitlines() if len(line := each.strip()) >= _MEASURE)


def family(snapshot: Snapshot) -> str:
    """The name that languages have in common whose files speak of each other."""
    grammar = snapshot.grammar
    return family_of(grammar.name) if grammar is not None else snapshot.language


def path_in_workspace(uri: str, root: str) -> str:
    """The path of a document from the folder at the URI `root`; its whole path where it lies elsewhere."""
    path, folder = (PurePosixPath(unquote(urlsplit(each).path)) for each in (uri, root))
    if root and path.is_relative_to(folder):
        return path.relative_to(folder).as_posix()
    return path.as_posix().lstrip("/")
