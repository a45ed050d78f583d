"""The files of a workspace that may be read and are worth it. No link is followed, so no way leads out."""

from __future__ import annotations

import logging
import os
import stat
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from lsp_server.index.ignore import Rules, UnclearError
from lsp_server.index.languages import language_of
from lsp_server.index.source import MAX_BYTES, Stamp
from lsp_server.policy import Rules as Policies
from lsp_server.policy import is_secret, rules_for
from lsp_server.policy.ignore_file import is_ignored

logger = logging.getLogger(__name__)

MAX_FILES = 50_000
MAX_ENTRIES = 1_000_000  # looked at, ignored ones among them
MAX_DEPTH = 40
_SKIPPED = frozenset(
    {
        ".git", ".hg", ".svn", ".jj", ".bzr", "node_modules", "bower_components", "__pycache__", ".venv",
        ".tox", ".nox", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".gradle", ".idea", ".vscode",
        ".terraform", ".next", ".nuxt", ".cache",
    }
)  # fmt: skip
# A folder with one of these is made by a program: a virtual environment, a cache.
_MARKERS = ("pyvenv.cfg", "CACHEDIR.TAG")


@dataclass(frozen=True, slots=True)
class Found:
    """A file to index: its path from the workspace's folder, with slashes."""

    path: str
    stamp: Stamp


def walk(root: Path, max_files: int = MAX_FILES, max_entries: int = MAX_ENTRIES) -> Iterator[Found]:
    """The files under `root`, those near it first, until there are too many of them.

    A folder whose ignore file is unclear is left out, with a line in the log.
    """
    policies = rules_for((root,))
    try:
        waiting = deque([(root, Rules.of_workspace(root), 0)])
    except UnclearError as error:
        logger.warning("nothing is indexed: %s", error)
        return
    if reason := policies.closed or is_ignored(root):
        logger.warning("nothing is indexed: %s", reason)
        return
    found = entries = 0
    while waiting:
        folder, rules, depth = waiting.popleft()
        files, folders = _listed(folder, rules, policies, depth)
        entries += len(files) + len(folders)
        for name, stamp in files:
            if found >= max_files or entries > max_entries:
                logger.warning("the workspace is too large: only its first %d files are indexed", found)
                return
            found += 1
            yield Found(rules.folder + name, stamp)
        for name in folders if depth < MAX_DEPTH else ():
            try:
                waiting.append((folder / name, rules.inside(name, folder / name), depth + 1))
            except UnclearError as error:
                logger.warning("a folder is not indexed: %s", error)


def look(root: Path, path: str) -> Found | None:
    """The file at `path` from `root` if `walk` would find it, leaving its limits of number aside."""
    *folders, name = path.split("/")
    if len(folders) > MAX_DEPTH or any(part in ("", ".", "..") for part in (*folders, name)):
        return None
    try:
        at, rules, policies = root, Rules.of_workspace(root), rules_for((root,))
        if policies.closed or is_ignored(root):
            return None
        for folder in folders:
            at = at / folder
            if folder in _SKIPPED or not stat.S_ISDIR(at.lstat().st_mode) or rules.ignore(folder, True):
                return None
            if any((at / marker).exists() for marker in _MARKERS):
                return None
            rules = rules.inside(folder, at)
        stamp = _wanted(at / name, name, rules, policies, (at / name).lstat())
    except (OSError, UnclearError):
        return None
    return Found(path, stamp) if stamp is not None else None


def _listed(
    folder: Path, rules: Rules, policies: Policies, depth: int
) -> tuple[list[tuple[str, Stamp]], list[str]]:
    """The files with their stamps and the folders in a folder, in order of their names."""
    files, folders = [], []
    try:
        with os.scandir(folder) as listing:
            entries = sorted(listing, key=lambda entry: entry.name)
        if depth and any(entry.name in _MARKERS for entry in entries):
            return [], []
        for entry in entries:
            if entry.is_symlink() or not entry.name.isprintable():
                continue
            if entry.is_dir(follow_symlinks=False):
                if entry.name not in _SKIPPED and not rules.ignore(entry.name, True):
                    folders.append(entry.name)
            elif language_of(entry.name) is not None:
                status = entry.stat(follow_symlinks=False)
                stamp = _wanted(folder / entry.name, entry.name, rules, policies, status)
                if stamp is not None:
                    files.append((entry.name, stamp))
    except (OSError, UnclearError) as error:
        logger.warning("a folder is not indexed: %s", error)
        return [], []
    return files, folders


def _wanted(path: Path, name: str, rules: Rules, policies: Policies, status: os.stat_result) -> Stamp | None:
    language = language_of(name)
    if language is None or not stat.S_ISREG(status.st_mode) or status.st_size > MAX_BYTES:
        return None
    if policies.forbid(path, language) is not None:
        return None
    if not name.isprintable() or is_secret("file://" + quote(str(path))) or rules.ignore(name, False):
        return None
    return Stamp.of(status)
