"""Documents, and what a source finds in them."""

import asyncio
import textwrap

from lsp_server.completion.sources.pace import Pace
from lsp_server.completion.sources.query import Query, Source
from lsp_server.document import Document, Snapshot
from tests.lsp_server.completion.cursor import CURSOR


def document(name: str, text: str, language: str = "python") -> Snapshot:
    """An open document in file:///project; `text` may be indented."""
    return Document(f"file:///project/{name}", language, 1, textwrap.dedent(text).lstrip("\n")).snapshot


def query(text: str, *others: Snapshot, name: str = "here.py", language: str = "python") -> Query:
    """At the mark in `text`."""
    marked = document(name, text, language)
    offset = marked.text.index(CURSOR)
    return Query.of(document(name, marked.text.replace(CURSOR, ""), language), offset, others)


def ask(source: Source, asked: Query) -> list[str]:
    """Of each piece its file's name and its text."""
    found = asyncio.run(source.find(asked, Pace()))
    return [f"{piece.snippet.path}: {piece.snippet.text}" for piece in found]
