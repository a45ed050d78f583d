"""`.gitignore` and `.midfillignore`: what the user does not want read.

Patterns are matched by pathspec, which follows git (docs/decisions). As in git, rules of inner folders go
before those of outer ones, and nothing inside a folder that is ignored can be taken back. What either kind of
file ignores is ignored.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from pathspec import GitIgnoreSpec

from lsp_server.index.languages import RULES
from lsp_server.policy.ignore_file import UnclearError, patterns_of


@dataclass(frozen=True, slots=True)
class _Layer:
    """The patterns of one file; `base` is its folder, as "a/b/" or "". For a folder around the workspace
    `above` is the way from there to the workspace."""

    base: str
    spec: GitIgnoreSpec
    above: str = ""


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
        """The rules in the workspace's folder, with git's own lists for it and for the user, and with what
        the folders around it say in a .midfillignore.

        Raises UnclearError.
        """
        layers = []
        for path in (_users_list(), root / ".git" / "info" / "exclude"):
            spec = patterns_of(path) if path is not None else None
            if spec is not None:
                layers.append(_Layer("", spec))
        around = []
        for folder in reversed(root.parents):
            if (spec := patterns_of(folder / RULES[-1])) is not None:
                around.append(_Layer("", spec, root.relative_to(folder).as_posix() + "/"))
        return cls("", tuple(layers), tuple(around))._with_files_of(root)

    def inside(self, name: str, path: Path) -> Rules:
        """The rules in the folder `name` of this one, which lies at `path`. Raises UnclearError."""
        return Rules(f"{self.folder}{name}/", self.git, self.midfill)._with_files_of(path)

    def ignore(self, name: str, is_folder: bool) -> bool:
        """Whether an entry of this folder is ignored."""
        path = self.folder + name + ("/" if is_folder else "")
        return _matches(self.git, path) or _matches(self.midfill, path)

    def _with_files_of(self, path: Path) -> Rules:
        git, midfill = (patterns_of(path / name) for name in RULES)
        return Rules(
            self.folder,
            self.git if git is None else (*self.git, _Layer(self.folder, git)),
            self.midfill if midfill is None else (*self.midfill, _Layer(self.folder, midfill)),
        )


def _matches(layers: tuple[_Layer, ...], path: str) -> bool:
    for layer in reversed(layers):
        include = layer.spec.check_file(layer.above + path[len(layer.base) :]).include
        if include is not None:
            return include
    return False


def _users_list() -> Path | None:
    """git's list for all of a user's repositories, where it is by default."""
    configured = Path(os.environ.get("XDG_CONFIG_HOME", ""))
    try:
        folder = configured if configured.is_absolute() else Path.home() / ".config"
    except RuntimeError:  # no home
        return None
    return folder / "git" / "ignore"


__all__ = ["Rules", "UnclearError"]
