"""`.gitignore` and `.midfillignore`: what the user does not want read.

Patterns are matched by pathspec, which follows git (docs/decisions). As in git, rules of inner folders go
before those of outer ones, and nothing inside a folder that is ignored can be taken back. What either kind of
file ignores is ignored.
"""

from __future__ import annotations

import os
import re
import warnings
from dataclasses import dataclass
from pathlib import Path

from pathspec import GitIgnoreSpec
from pathspec.patterns.gitignore.spec import GitIgnoreSpecPattern

from lsp_server.index.alarm import at_most
from lsp_server.index.languages import RULES
from lsp_server.index.source import NotReadError, read

_MAX_BYTES = 1 << 20
# A pattern with many stars takes for ever to fail: `*a*a*a*a*a*b` is tried at each of their places.
_SECONDS = 1.0


class UnclearError(Exception):
    """An ignore file cannot be read, or not be applied in time: the strictest reading is to leave the folder
    out. The text names the file."""


@dataclass(frozen=True, slots=True)
class _Layer:
    """The patterns of one file; `base` is its folder, as "a/b/" or ""."""

    base: str
    spec: GitIgnoreSpec


@dataclass(frozen=True, slots=True)
class Rules:
    """What is ignored in one folder; `folder` is "" for the workspace's, else "a/b/".

    `git` and `midfill` are the layers in force, the outermost first.
    """

    folder: str
    git: tuple[_Layer, ...] = ()
    midfill: tuple[_Layer, ...] = ()

    @classmethod
    def of_workspace(cls, root: Path) -> Rules:
        """The rules in the workspace's folder, with git's own lists for it and for the user.

        Raises UnclearError.
        """
        layers = []
        for path in (_users_list(), root / ".git" / "info" / "exclude"):
            spec = _spec(path) if path is not None else None
            if spec is not None:
                layers.append(_Layer("", spec))
        return cls("", tuple(layers))._with_files_of(root)

    def inside(self, name: str, path: Path) -> Rules:
        """The rules in the folder `name` of this one, which lies at `path`. Raises UnclearError."""
        return Rules(f"{self.folder}{name}/", self.git, self.midfill)._with_files_of(path)

    def ignore(self, name: str, is_folder: bool) -> bool:
        """Whether an entry of this folder is ignored. Raises UnclearError."""
        path = self.folder + name + ("/" if is_folder else "")
        return _matches(self.git, path) or _matches(self.midfill, path)

    def _with_files_of(self, path: Path) -> Rules:
        git, midfill = (_spec(path / name) for name in RULES)
        return Rules(
            self.folder,
            self.git if git is None else (*self.git, _Layer(self.folder, git)),
            self.midfill if midfill is None else (*self.midfill, _Layer(self.folder, midfill)),
        )


def _matches(layers: tuple[_Layer, ...], path: str) -> bool:
    for layer in reversed(layers):
        try:
            with at_most(_SECONDS):
                include = layer.spec.check_file(path[len(layer.base) :]).include
        except TimeoutError as error:
            raise UnclearError(f"a pattern of {layer.base or './'} takes too long to match") from error
        if include is not None:
            return include
    return False


def _spec(path: Path) -> GitIgnoreSpec | None:
    """The patterns of a file; None where there is no file, or nothing in it.

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
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", FutureWarning)  # of `[[` in a pattern
                patterns.append(GitIgnoreSpecPattern(line))
        except (ValueError, re.error) as error:
            if path.name == RULES[-1]:
                raise UnclearError(f"{path}, line {number}: {error}") from error
    patterns = [pattern for pattern in patterns if pattern.include is not None]
    # Neither of the other backends is a dependency, and they would decide by what else is installed.
    return GitIgnoreSpec(patterns, backend="simple") if patterns else None


def _users_list() -> Path | None:
    """git's list for all of a user's repositories, where it is by default."""
    configured = Path(os.environ.get("XDG_CONFIG_HOME", ""))
    try:
        folder = configured if configured.is_absolute() else Path.home() / ".config"
    except RuntimeError:  # no home
        return None
    return folder / "git" / "ignore"
