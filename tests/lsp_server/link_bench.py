"""Links to workers that misbehave on script (tests/fake_worker.py), as real processes."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from inference.messages import Generate
from lsp_server.backoff import Backoff
from lsp_server.worker_link import Generation, LinkStatus, Patience, WorkerCommand, WorkerLink

FAKE = Path(__file__).parents[1] / "fake_worker.py"
UP = "hello welcome ready"
GIVE_UP_S = 60.0


class Bench:
    """Links to fake workers, what they told, and the processes to clean away."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.starts = directory / "starts"
        self.told: list[LinkStatus] = []
        self.links: list[WorkerLink] = []

    def command(self, script: str, *, private: bool = False) -> WorkerCommand:
        program = (sys.executable, "-P", str(FAKE), script, str(self.starts))
        return WorkerCommand(private=private, log=self.directory / "worker.log", program=program)

    def link(
        self, script: str, *, private: bool = False, patience: Patience | None = None, max_failures: int = 5
    ) -> WorkerLink:
        link = WorkerLink(
            self.command(script, private=private),
            self.told.append,
            patience=patience or Patience(),
            backoff=lambda: Backoff(first_s=0.001, longest_s=0.002, max_failures=max_failures),
        )
        self.links.append(link)
        return link

    async def up(self, script: str, **options: bool | Patience | int) -> WorkerLink:
        """A link whose worker is ready."""
        link = self.link(script, **options)  # type: ignore[arg-type]  # by name
        await link.start()
        await self.until(lambda: link.current.state == "ready")
        return link

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(GIVE_UP_S):
            while not condition():
                await asyncio.sleep(0.005)

    async def kill(self, pid: int) -> None:
        """Ends a fake worker, if it lives."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        await self.until(lambda: not is_alive(pid))

    @property
    def pids(self) -> list[int]:
        return [int(line) for line in self.starts.read_text().split()] if self.starts.exists() else []

    @property
    def states(self) -> list[str]:
        return [status.state for status in self.told]


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that is dead and not yet waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def ask(document: str = "file:///a.py", prefix: str = "x = ", suffix: str = "\n") -> Generate:
    return Generate(0, document, "a.py", "python", prefix, suffix)


async def read(generation: Generation) -> str:
    async with asyncio.timeout(GIVE_UP_S):
        return "".join([text async for text in generation])
