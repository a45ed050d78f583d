"""A home for processes that a test starts."""

import contextlib
import os
import tempfile
from collections.abc import Iterator

NAMES = ("HOME", "XDG_RUNTIME_DIR", "XDG_STATE_HOME", "XDG_CACHE_HOME")


@contextlib.contextmanager
def own_home() -> Iterator[dict[str, str]]:
    """An environment with a new HOME: no worker, socket, log or setting of the user's is touched.

    Its path is short: a socket's has at most 107 bytes.
    """
    with tempfile.TemporaryDirectory(prefix="mf") as folder:
        yield {**os.environ, **dict.fromkeys(NAMES, folder)}
