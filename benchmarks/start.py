"""From `midfill worker` to the first text of a completion, as a user waits for it.

    python -m benchmarks.start [--runs N] [--model PATH] [--precision NAME] [--json]

Each run is a new process of the whole command, asked for a completion in the middle of a real file, as the
server would ask, as soon as it listens. The first run, whose files may come from the disk, whose modules may
have to be compiled and whose weights packed, is not counted. Processor time is told beside the clock: on a
busy machine it is what can be compared.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from benchmarks.percentile import Summary
from inference.messages import PROTOCOL_VERSION, Chunk, Done, Error, Generate, Hello, Status
from inference.transport import Channel, ChannelClosed
from lsp_server.completion.request import request
from lsp_server.document import Document

FILE = Path(argparse.__file__)
CUT_LINE = 600
"""Where the file is completed: the prompt is as long as the card allows."""
TIMEOUT_S = 120.0


@dataclass(frozen=True, slots=True)
class Start:
    """Milliseconds from the start of the process; `processor` is what it and its threads computed."""

    listens: float
    ready: float
    first_text: float
    processor: float


def main(arguments: list[str] | None = None) -> int:
    options = _parse(arguments)
    command = [sys.executable, "-m", "lsp_server", "worker", f"--precision={options.precision}"]
    if options.model:
        command.append(f"--model={options.model.absolute()}")
    try:
        asked = question()
        starts = [asyncio.run(start(command, asked)) for _ in range(1 + options.runs)][1:]
    except (RuntimeError, TimeoutError, ChannelClosed, OSError) as error:
        print(f"start: {error or 'the worker did not answer in time'}", file=sys.stderr)
        return 1
    print(json.dumps([asdict(each) for each in starts]) if options.json else table(starts))
    return 0


async def start(command: list[str], asked: Generate) -> Start:
    """One process, ended when its first text is there. Raises RuntimeError, TimeoutError, ChannelClosed."""
    with tempfile.TemporaryDirectory(prefix="mf") as folder:
        environment = {**os.environ, "XDG_RUNTIME_DIR": folder, "XDG_STATE_HOME": folder}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)  # what is installed is compiled
        began = time.perf_counter()
        process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
        try:
            async with asyncio.timeout(TIMEOUT_S):
                channel = await _connect(Path(folder, "midfill"), process)
                listens = time.perf_counter()
                try:
                    ready, first = await _first_text(channel, asked)
                finally:
                    await channel.close()
            listens, ready, first = (1e3 * (at - began) for at in (listens, ready, first))
            return Start(listens, ready, first, _processor_ms(process.pid))
        finally:
            process.terminate()
            process.wait()


async def _connect(folder: Path, process: subprocess.Popen[bytes]) -> Channel:
    while True:
        for path in folder.glob("*.sock"):
            try:
                return Channel(*await asyncio.open_unix_connection(path))
            except OSError:
                pass  # bound, and not listening yet
        if process.poll() is not None:
            raise RuntimeError(f"the worker ended with exit code {process.returncode}")
        await asyncio.sleep(0.001)


async def _first_text(channel: Channel, asked: Generate) -> tuple[float, float]:
    """When the model was ready, and when the first text came."""
    await channel.send(Hello(PROTOCOL_VERSION, "benchmarks.start"))
    await channel.send(asked)
    ready = 0.0
    while True:
        match await channel.receive():
            case Status():
                ready = time.perf_counter()
            case Chunk():
                now = time.perf_counter()
                return ready or now, now
            case Done() | Error() as end:
                raise RuntimeError(f"no text: {end}")


def question() -> Generate:
    """What the server would ask."""
    lines = FILE.read_text(encoding="utf-8").splitlines(keepends=True)
    above, below = "".join(lines[:CUT_LINE]) + "        self.", "\n" + "".join(lines[CUT_LINE:])
    document = Document(FILE.as_uri(), "python", 1, above + below)
    return replace(request(document.snapshot, len(above), max_tokens=64, salt=""), id=1)


def _processor_ms(pid: int) -> float:
    """Of a process with all of its threads, in user and kernel mode."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return 1e3 * (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def table(starts: list[Start]) -> str:
    """In Markdown."""
    rows = {
        "listens": [each.listens for each in starts],
        "model ready": [each.ready for each in starts],
        "first text": [each.first_text for each in starts],
        "processor time to the first text": [each.processor for each in starts],
    }
    lines = ["| from the start of `midfill worker`, ms | median | 95th percentile |", "|---|---:|---:|"]
    for name, values in rows.items():
        summary = Summary.of(values)
        lines.append(f"| {name} | {summary.median:.0f} | {summary.p95:.0f} |")
    return "\n".join(lines)


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks.start", description="Time the start of a worker.")
    parser.add_argument("--runs", type=int, default=10, help="beside the first (default: %(default)s)")
    parser.add_argument("--model", type=Path, help="a model's folder (default: the one that ships)")
    parser.add_argument("--precision", default="auto", help="of its weights (default: %(default)s)")
    parser.add_argument("--json", action="store_true", help="print the times of each run")
    options = parser.parse_args(arguments)
    if options.runs < 1:
        parser.error("--runs must be at least 1")
    return options


if __name__ == "__main__":
    sys.exit(main())
