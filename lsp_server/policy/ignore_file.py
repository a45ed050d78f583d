"""The patterns of one `.gitignore` or `.midfillignore`, in time that is linear in the path.

pathspec reads the patterns; RE2 matches them, one by one. pathspec's own way to use RE2 puts all of a file
into one
set, which fails to compile from some thousand patterns on, and matches nothing where its memory does not
suffice."""

from __future__ import annotations

import errno
import os
import re
import warnings
from functools import lru_cache
from pathlib import Path

import re2
from pathspec import GitIgnoreSpec
from pathspec.patterns.gitignore.spec import GitIgnoreSpecPattern

from lsp_server.policy.regex import compiled
from lsp_server.regular_file import NotReadError, read

NAME = ".midfillignore"
_MAX_BYTES = 1 << 20


class UnclearError(Exception):
    """An ignore file cannot be read: the strictest reading is to leave its folder out. The text names the
    file."""


def patterns_of(path: Path) -> GitIgnoreSpec | None:
    """The patterns of a file; None where there is no file, or nothing in it. Raises UnclearError.

    A line that is no pattern matches nothing in git; in a .midfillignore it is not clear what it was to hide.
    """
    try:
        text = read(path, _MAX_BYTES)[0].decode("utf-8", "replace")
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (NotReadError, OSError) as error:
        raise UnclearError(f"{path}: {error}") from error
    patterns = []
    for number, line in enumerate(text.removeprefix("\ufeff").splitlines(), 1):
        try:
            patterns.append(as_pattern(line))
        except ValueError as error:
            if path.name == NAME:
                raise UnclearError(f"{path}, line {number}: {error}") from error
    return spec_of(patterns)


def as_pattern(line: str) -> GitIgnoreSpecPattern:
    """One line. Raises ValueError."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # of `[[` in a pattern
            pattern = GitIgnoreSpecPattern(line)
        if pattern.regex is not None:
            pattern.regex = compiled(pattern.regex.pattern)
    except (re.error, re2.error) as error:
        raise ValueError(str(error)) from error
    return pattern


def spec_of(patterns: list[GitIgnoreSpecPattern]) -> GitIgnoreSpec | None:
    """None where there is no pattern among them, but blank lines and comments."""
    kept = [pattern for pattern in patterns if pattern.include is not None]
    # By name, so that what is installed beside us does not decide.
    return GitIgnoreSpec(kept, backend="simple") if kept else None


def is_ignored(path: Path) -> str | None:
    """Why a `.midfillignore` of the file's folder, or of one around it, hides it; None if none does.

    As in git, rules of inner folders go before those of outer ones, and nothing inside a folder that is
    ignored can be taken back. One that cannot be read hides all beneath it. The file need not exist.
    """
    folders = [*reversed(path.parents)]
    layers: list[tuple[int, GitIgnoreSpec]] = []
    text = path.as_posix()
    for depth, folder in enumerate(folders):
        base = folder.as_posix().rstrip("/") + "/"
        try:
            spec = _cached(folder / NAME)
        except UnclearError as error:
            return str(error)
        if spec is not None:
            layers.append((len(base), spec))
        inner = folders[depth + 1].as_posix() + "/" if depth + 1 < len(folders) else text
        for start, each in reversed(layers):
            include = each.check_file(inner[start:]).include
            if include:
                return f"{NAME} in {text[: start - 1] or '/'} names it"
            if include is not None:
                break
    return None


def _cached(path: Path) -> GitIgnoreSpec | None:
    """Asked at every keystroke, for every folder: one `stat`, where nothing has changed."""
    try:
        status = os.stat(path, follow_symlinks=False)  # noqa: PTH116 - half the time of Path.stat
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            return None  # no such file can be
        raise UnclearError(f"{path}: {error.strerror}") from error
    return _parsed(path, (status.st_ino, status.st_size, status.st_mtime_ns))


@lru_cache(256)
def _parsed(path: Path, stamp: tuple[int, int, int]) -> GitIgnoreSpec | None:
    return patterns_of(path)
