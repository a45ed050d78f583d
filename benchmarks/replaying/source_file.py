"""The files that are typed: of a folder, or of a corpus's held-out projects."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from training.jsonl import DataError, read_records
from training.languages import LANGUAGES, language_of

DEFAULT = ("python", "javascript", "typescript", "java", "go", "rust", "c", "cpp")

_RECORD = {"source": str, "path": str, "language": str, "text": str}
_ENDS = re.compile(r"[ \t\f]+$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class SourceFile:
    """`path` is relative to the workspace; `text` has line ends of one character, and no white space before
    them: nobody types that."""

    path: str
    language: str
    text: str


def read_files(data: Path, languages: Sequence[str], tests: bool = False) -> list[SourceFile]:
    """The files of these languages, by path; without those of tests unless they are wanted too.

    `data` is a folder, or a file of JSON lines as `training.corpus` writes: of each project a folder then.

    Raises:
        DataError: naming what is not there, or not what it should be.
    """
    files = _in_folder(data, languages) if data.is_dir() else _in_records(data, languages)
    chosen = [file for file in files if file.text.strip() and (tests or "test" not in file.path.lower())]
    return sorted(chosen, key=lambda file: file.path)


def tidied(text: str) -> str:
    """The text as it is typed."""
    return _ENDS.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))


def _in_folder(folder: Path, languages: Sequence[str]) -> Iterator[SourceFile]:
    """Hidden folders, links, and files too large to be written by hand or not in UTF-8 are passed over."""
    for where, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            path = Path(where, name)
            language = language_of(name, languages)
            if language is None or path.is_symlink() or path.stat().st_size > language.max_bytes:
                continue
            try:
                text = path.read_bytes().decode("utf-8")
            except UnicodeDecodeError:
                continue
            if "\0" not in text:
                yield SourceFile(path.relative_to(folder).as_posix(), language.name, tidied(text))


def _in_records(data: Path, languages: Sequence[str]) -> Iterator[SourceFile]:
    for record in read_records(data, _RECORD):
        path = PurePosixPath(record["source"], record["path"])
        if path.is_absolute() or ".." in path.parts:
            raise DataError(f"{data}: the path {str(path)!r} leads out of the workspace")
        if record["language"] in languages and record["language"] in LANGUAGES:
            yield SourceFile(str(path), record["language"], tidied(record["text"]))
