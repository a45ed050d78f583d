"""Resident memory of the server and of the worker that it started."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Memory:
    """In MiB. The worker's includes the weights that it has mapped and read."""

    server_mib: float
    worker_mib: float

    @classmethod
    def of(cls, server_pid: int) -> "Memory":
        """Of a server and all that it started. Raises OSError where there is no /proc."""
        return cls(_resident_mib(server_pid), sum(_resident_mib(pid) for pid in _children(server_pid)))


def _resident_mib(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0.0  # it has ended, and is not yet waited for


def _children(pid: int) -> list[int]:
    """A child belongs to the thread that started it."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return [int(child) for task in tasks for child in (task / "children").read_text().split()]
