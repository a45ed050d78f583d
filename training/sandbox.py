"""Runs a program somebody else wrote (here: a model) and says whether it passed, and nothing more.

The child gets an empty environment and folder, its own session, and limits on CPU and wall time, memory,
open files and file size. Where the kernel permits it, it has a network namespace without interfaces and a
process namespace that ends with it. Everywhere the interpreter itself refuses sockets, processes and changes
to files elsewhere (`sandbox_guard.py`). This keeps a careless program from doing harm, not a hostile one.
"""

from __future__ import annotations

import contextlib
import os
import resource
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

CPU_SECONDS, WALL_SECONDS = 4, 12
MEMORY_BYTES = 1 << 30
FILE_BYTES = 1 << 20
OPEN_FILES = 64
_GUARD = Path(__file__).with_name("sandbox_guard.py")


@cache
def without_network() -> tuple[str, ...]:
    """The command prefix that takes the network away; empty where namespaces are not permitted."""
    if unshare := shutil.which("unshare"):
        alone = ("--pid", "--fork", "--kill-child")
        for options in (("--net", *alone), ("--net",)):
            prefix = (unshare, *options, "--map-root-user", "--")
            if subprocess.run([*prefix, "true"], capture_output=True, check=False).returncode == 0:
                return prefix
    return ()


def _limit() -> None:
    os.setsid()
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_FSIZE, (FILE_BYTES, FILE_BYTES))
    resource.setrlimit(resource.RLIMIT_NOFILE, (OPEN_FILES, OPEN_FILES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def passes(program: str) -> bool:
    """True when `program` (Python source) runs to the end of its last statement within the limits."""
    word = secrets.token_hex(16)
    with (
        tempfile.TemporaryDirectory() as folder,
        subprocess.Popen(
            [*without_network(), sys.executable, "-I", "-S", "-B", str(_GUARD)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=folder,
            env={"PATH": "/usr/bin:/bin", "HOME": folder, "TMPDIR": folder},
            preexec_fn=_limit,
        ) as child,
    ):
        try:
            said, _ = child.communicate(f"{word}\n{program}".encode("utf-8", "replace"), WALL_SECONDS)
        except subprocess.TimeoutExpired:
            return False
        finally:
            # Whatever it left running goes with its session.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
        return child.returncode == 0 and said == word.encode()
