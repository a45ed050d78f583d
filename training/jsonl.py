"""JSON lines of data sets, plain or gzipped, whose mistakes are named by file and line."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any


class DataError(Exception):
    """A data file that is missing or not what it should be; the text names file, line and cause."""


def read_records(path: Path, fields: Mapping[str, type]) -> Iterator[dict[str, Any]]:
    """The objects of a file, one a line, blank lines left out; `fields` are those that each must have.

    Raises:
        DataError: naming the file and the line.
    """
    number = 0
    try:
        with (
            gzip.open(path, "rt", encoding="utf-8")
            if path.suffix == ".gz"
            else path.open(encoding="utf-8") as file
        ):
            for number, line in enumerate(file, 1):
                if line.strip():
                    yield _record(line, fields, f"{path}:{number}")
    except FileNotFoundError as error:
        raise DataError(f"{path}: there is no such file") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{path}:{number + 1}: not UTF-8") from error
    except (OSError, EOFError) as error:
        raise DataError(f"{path}: {error}") from error


def _record(line: str, fields: Mapping[str, type], place: str) -> dict[str, Any]:
    try:
        record = json.loads(line)
    except json.JSONDecodeError as error:
        raise DataError(f"{place}: not JSON: {error.msg} at column {error.colno}") from error
    if not isinstance(record, dict):
        raise DataError(f"{place}: an object was expected, not {type(record).__name__}")
    for name, kind in fields.items():
        if name not in record:
            raise DataError(f"{place}: field {name!r} is missing")
        if type(record[name]) is not kind:
            raise DataError(
                f"{place}: field {name!r} must be {kind.__name__}, not {type(record[name]).__name__}"
            )
    return record
