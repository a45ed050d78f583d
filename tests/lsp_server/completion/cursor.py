"""Source with a cursor in it, for tests that are tables."""

from lsp_server.document import Document, Snapshot

CURSOR = "‸"


def at_cursor(source: str, language: str) -> tuple[Snapshot, int]:
    """The document of `source` without its cursor mark, and where that was."""
    assert source.count(CURSOR) == 1
    offset = source.index(CURSOR)
    return Document("file:///test", language, 1, source.replace(CURSOR, "")).snapshot, offset
