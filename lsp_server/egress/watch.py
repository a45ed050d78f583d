"""Watches a program and its children: the filter hears every call, and their sockets are looked at all the
while."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from lsp_server.egress.guard import FILTERED
from lsp_server.egress.seccomp import Attempt, attempts
from lsp_server.egress.sockets import Held, strangers, tree

LOOK_S = 0.02


class Watch:
    """Use as `with Watch(program) as watch`, and talk to `watch.process` over its stdin and stdout.

    After the block all of its processes have ended, and `attempts` and `held` say what was seen.
    """

    def __init__(self, program: Sequence[str], cwd: Path) -> None:
        self.attempts: list[Attempt] = []
        self.held: set[Held] = set()
        self.no_filter = ""
        """Why there is no filter; "" where there is one."""
        self.num_looks = 0
        self.pids: set[int] = set()
        ours, theirs = socket.socketpair()
        with ours, theirs:
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-m", "lsp_server.egress.guard", str(theirs.fileno()), *program],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                cwd=cwd,
            )
            theirs.close()
            said, descriptors, _, _ = socket.recv_fds(ours, 1000, 1)
        self._listener = descriptors[0] if descriptors else -1
        if said != FILTERED:
            self.no_filter = said.decode("utf-8", "replace") or "the program did not start"
        self._stopped = threading.Event()
        self._until, self._stop = os.pipe()
        self._threads = [threading.Thread(target=self._look, name="sockets")]
        if self._listener >= 0:
            self._threads.append(threading.Thread(target=self._hear, name="calls"))

    def __enter__(self) -> Watch:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(OSError):
            self.look()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()
        self.process.terminate()
        self.process.wait()
        self._stopped.set()
        os.write(self._stop, b"\0")
        for thread in self._threads:
            thread.join()
        for descriptor in (self._until, self._stop, self._listener):
            if descriptor >= 0:
                os.close(descriptor)

    def look(self) -> None:
        """Look at the sockets of all processes now."""
        for pid in tree(self.process.pid):
            self.pids.add(pid)
            self.held.update(strangers(pid))
        self.num_looks += 1

    def _look(self) -> None:
        while not self._stopped.wait(LOOK_S):
            self.look()

    def _hear(self) -> None:
        self.attempts.extend(attempts(self._listener, self._until))
