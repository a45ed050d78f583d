"""The folder that the server is told to work in."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.replaying.source_file import read_files
from lsp_server.index.location import NoPlaceError, index_path
from training.languages import LANGUAGES


@contextmanager
def workspace(data: Path) -> Iterator[Path]:
    """The folder `data`; or, for a file of records, a temporary one with all its files, gone in the end.

    Of a temporary workspace no index stays behind either. Raises OSError, DataError.
    """
    if data.is_dir():
        yield data
        return
    with tempfile.TemporaryDirectory(prefix="mf") as name:
        root = Path(name).resolve()
        for file in read_files(data, list(LANGUAGES), tests=True):
            path = root / file.path
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(file.text, encoding="utf-8", errors="replace")
        try:
            yield root
        finally:
            _forget_index(root)


def _forget_index(root: Path) -> None:
    try:
        database = index_path(root)
    except NoPlaceError:
        return
    for path in database.parent.glob(f"{database.name}*"):
        path.unlink(missing_ok=True)
