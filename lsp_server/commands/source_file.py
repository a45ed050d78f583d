"""A file on disk as the document that an editor would have opened."""

from pathlib import Path

from lsp_server.commands import CommandError, UsageError
from lsp_server.document import Document, Snapshot
from lsp_server.syntax.languages import grammar_for

MAX_BYTES = 64 * 1024 * 1024
"""The largest message that the server takes from an editor."""


def open_document(path: Path, language: str = "") -> Snapshot:
    """The file's text; without a `language`, the one of its extension. Raises CommandError."""
    text = read(path)
    uri = path.absolute().as_uri()
    grammar = grammar_for("by extension", uri)
    return Document(uri, language or (grammar.name if grammar else "plaintext"), 0, text).snapshot


def read(path: Path) -> str:
    """The text with its own line ends, without a byte order mark. Raises CommandError."""
    try:
        if path.is_dir():
            raise CommandError(f"{path} is a directory, not a file")
        if path.exists() and not path.is_file():
            raise CommandError(f"{path} is not a regular file")
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise CommandError(f"{path} does not exist") from None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise CommandError(f"{path} cannot be read: {reason}") from error
    if len(data) > MAX_BYTES:
        raise CommandError(f"{path} is larger than {MAX_BYTES >> 20} MiB")
    if b"\0" in data:
        raise CommandError(f"{path} is a binary file: it holds a zero byte")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise CommandError(f"{path} is not UTF-8 text: byte {error.start} cannot be decoded") from error


def offset_of(snapshot: Snapshot, path: Path, line: int, column: int) -> int:
    """The offset of a line and a column, both from 1, the column in characters. Raises UsageError."""
    num_lines = len(snapshot.lines)
    if not 1 <= line <= num_lines:
        raise UsageError(f"line {line} is out of range: {path} has lines 1 to {num_lines}")
    length = len(snapshot.line(line - 1))
    if not 1 <= column <= length + 1:
        raise UsageError(
            f"column {column} is out of range: line {line} of {path} has columns 1 to {length + 1}"
        )
    return snapshot.lines.start(line - 1) + column - 1
