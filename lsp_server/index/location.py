"""Where a workspace's index lies on disk: in a folder of the user's that is closed to others."""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path

SCHEMA = 2
"""Raised whenever the tables change, or what is put into them."""


class NoPlaceError(Exception):
    """There is no folder for the index that is the user's alone; the text says which and why."""


def index_path(root: Path) -> Path:
    """The database of the workspace at `root`, in a folder of mode 0700 that exists.

    The name tells nothing of the workspace. The schema's version is part of it, so that two versions of
    Midfill on one workspace do not take turns at rebuilding it. Raises NoPlaceError.
    """
    name = hashlib.sha256(os.fsencode(root.resolve())).hexdigest()[:32]
    return _private_folder() / f"{name}.{SCHEMA}.sqlite"


def _private_folder() -> Path:
    cache = os.environ.get("XDG_CACHE_HOME", "")
    try:
        folder = (Path(cache) if Path(cache).is_absolute() else Path.home() / ".cache") / "midfill" / "index"
        folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
        status = folder.lstat()
        if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid():
            raise NoPlaceError(f"{folder} is not a directory of this user's")
        if stat.S_IMODE(status.st_mode) & 0o077:
            folder.chmod(0o700)
    except RuntimeError as error:
        raise NoPlaceError("there is no home directory, and XDG_CACHE_HOME is not set") from error
    except OSError as error:
        raise NoPlaceError(f"cannot use {error.filename}: {error.strerror}") from error
    return folder
