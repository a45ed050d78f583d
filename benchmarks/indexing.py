"""How long the index of a folder takes, and how much memory: `python -m benchmarks.indexing FOLDER`.

The worker is the real one, with its parsers, in a cache of its own. "Again" is a second start on the same
folder, when nothing has changed; "one file" is from the order to look at a file until it is in the index.
"""

import argparse
import json
import os
import resource
import socket
import subprocess
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

from benchmarks.memory import Memory
from lsp_server.index.indexer import PROGRAM
from lsp_server.index.store import reader
from lsp_server.index.walk import walk


@dataclass(frozen=True, slots=True)
class Result:
    """Seconds of wall-clock time, and of all processors' time: the worker steps back where others want one.

    Memory is in MiB, resident, of the worker and its parsers together.
    """

    files: int
    definitions: int
    seconds: float
    files_per_second: float
    cpu_seconds: float
    again_seconds: float
    one_file_seconds: float
    peak_mib: float
    database_mib: float
    processors: int


class _Worker:
    def __init__(self, root: Path, database: Path) -> None:
        self._channel, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [*PROGRAM, str(root), str(database)], stdin=theirs.fileno(), stdout=theirs.fileno()
            )
        self._reports: IO[bytes] = self._channel.makefile("rb")
        self.peak_mib = 0.0

    def until_idle(self, order: dict[str, object]) -> float:
        """Seconds from the order until there is nothing to do."""
        start = time.perf_counter()
        self._channel.sendall(json.dumps(order).encode() + b"\n")
        for line in self._reports:
            memory = Memory.of(self._process.pid)
            self.peak_mib = max(self.peak_mib, memory.server_mib + memory.worker_mib)
            if "idle" in json.loads(line):
                return time.perf_counter() - start
        raise SystemExit("the worker ended")

    def close(self) -> None:
        self._reports.close()
        self._channel.close()
        self._process.wait()


def measure(root: Path, database: Path) -> Result:
    worker = _Worker(root, database)
    seconds = worker.until_idle({"do": "scan"})
    worker.close()
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    again = _Worker(root, database)
    again_seconds = again.until_idle({"do": "scan"})
    first = next(iter(walk(root))).path
    again.until_idle({"do": "update", "paths": [first]})  # the parser starts
    one_file = again.until_idle({"do": "update", "paths": [first]})
    again.close()
    connection = reader(database)
    (files,) = connection.execute("SELECT count(*) FROM files").fetchone()
    (definitions,) = connection.execute("SELECT count(*) FROM definitions").fetchone()
    connection.close()
    return Result(
        files,
        definitions,
        round(seconds, 2),
        round(files / seconds, 1),
        round(spent.ru_utime + spent.ru_stime, 2),
        round(again_seconds, 2),
        round(one_file, 4),
        round(worker.peak_mib, 1),
        round(database.stat().st_size / (1 << 20), 1),
        len(os.sched_getaffinity(0)),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="a workspace, or any folder with sources")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="mf") as folder:
        result = measure(options.folder.resolve(), Path(folder) / "index.sqlite")
    if options.json:
        print(json.dumps(asdict(result)))
        return
    for name, value in asdict(result).items():
        print(f"{name.replace('_', ' '):>20}  {value:,}")


if __name__ == "__main__":
    main()
