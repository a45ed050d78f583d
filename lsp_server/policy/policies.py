"""Where policies lie, and the rules that they make together: the machine's, the user's, and each workspace
folder's."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from lsp_server.policy.policy_file import NAME, PolicyFile, read_policy
from lsp_server.policy.rules import Rules, merged

SYSTEM = Path("/etc/midfill")

_Stamp = tuple[int, int, int] | None


def rules_for(folders: tuple[Path, ...]) -> Rules:
    """The rules that hold for a session with these workspace folders, as the files are now.

    Asked at every request: a few `lstat`, 0.1 ms, where nothing has changed.
    """
    places = tuple(_places(folders))
    return _rules(places, tuple(_stamp(path) for path, _ in places))


def _places(folders: tuple[Path, ...]) -> Iterator[tuple[Path, Path | None]]:
    """The files that there may be, each with the folder that its paths are seen from.

    The machine's and the user's may be links: many keep such files elsewhere. A workspace's may not.
    """
    yield Path(os.path.realpath(SYSTEM / NAME)), None
    configured = os.environ.get("XDG_CONFIG_HOME", "")
    if Path(configured).is_absolute():
        yield Path(os.path.realpath(Path(configured) / "midfill" / NAME)), None
    elif (home := _home()) is not None:
        yield Path(os.path.realpath(home / ".config" / "midfill" / NAME)), None
    for folder in folders:
        yield folder / NAME, folder


def _home() -> Path | None:
    try:
        return Path.home()
    except RuntimeError:
        return None


def _stamp(path: Path) -> _Stamp:
    """None where there is none; what cannot be looked at is read, and then told of."""
    try:
        status = os.stat(path, follow_symlinks=False)  # noqa: PTH116 - half the time of Path.stat
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError:
        return (-1, -1, -1)
    return (status.st_ino, status.st_size, status.st_mtime_ns)


@lru_cache(32)
def _rules(places: tuple[tuple[Path, Path | None], ...], stamps: tuple[_Stamp, ...]) -> Rules:
    found: list[tuple[PolicyFile, Path | None]] = []
    for (path, base), stamp in zip(places, stamps, strict=True):
        if stamp is not None and (policy := read_policy(path)) is not None:
            found.append((policy, base))
    return merged(found)
