"""Runs a program somebody else wrote (here: a model) and says whether it passed, and nothing more.

The child gets an empty environment and folder, its own session, limits on CPU time, memory and file size,
and, where the kernel permits it, a network namespace without interfaces. The file system is the caller's:
this keeps a careless program from doing harm, not a hostile one.
"""

from __future__ import annotations

import contextlib
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
from functools import cache

CPU_SECONDS, WALL_SECONDS = 4, 12
MEMORY_BYTES = 1 << 30
FILE_BYTES = 1 << 20


@cache
def without_network() -> tuple[str, ...]:
    """The command prefix that takes the network away; empty where namespaces are not permitted."""
    if unshare := shutil.which("unshare"):
        prefix = (unshare, "--net", "--map-root-user", "--")
        if subprocess.run([*prefix, "true"], capture_output=True, check=False).returncode == 0:
            return prefix
    return ()


def _limit() -> None:
    os.setsid()
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_FSIZE, (FILE_BYTES, FILE_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def passes(program: str) -> bool:
    """True when `program` (Python source) runs to its end within the limits."""
    with tempfile.TemporaryDirectory() as folder:
        child = subprocess.Popen(
            [*without_network(), sys.executable, "-I", "-S", "-"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=folder,
            env={"PATH": "/usr/bin:/bin", "HOME": folder},
            preexec_fn=_limit,
        )
        try:
            child.communicate(program.encode("utf-8", "replace"), timeout=WALL_SECONDS)
        except subprocess.TimeoutExpired:
            return False
        finally:
            # Whatever it left running goes with its session.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()
        return child.returncode == 0
