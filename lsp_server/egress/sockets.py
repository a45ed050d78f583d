"""The sockets that a process and its children hold, by what Linux tells of them in /proc."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_SOCKET = re.compile(r"socket:\[(\d+)\]")
# Which column of the table holds the inode. A socket that is in neither is none of a kind that stays here:
# one of TCP is in a table of its own only once it is bound or connected.
_LOCAL_TABLES = {"unix": 6, "netlink": 9}


@dataclass(frozen=True, slots=True)
class Held:
    """A socket that leads elsewhere, or of a kind that nobody knows."""

    pid: int
    program: str
    kind: str

    def __str__(self) -> str:
        return f"{self.program} (process {self.pid}) holds a socket of kind {self.kind}"


def tree(pid: int) -> list[int]:
    """A process and all its descendants."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                # The name in brackets may hold anything.
                parent = int((entry / "stat").read_text("utf-8", "replace").rpartition(")")[2].split()[1])
            except (OSError, IndexError):
                continue  # it has ended
            children.setdefault(parent, []).append(int(entry.name))
    found = [pid]
    for each in found:
        found += children.get(each, [])
    return found


def strangers(pid: int) -> Iterator[Held]:
    """The sockets of one process that are not local. Looked at twice: between reading two files of /proc a
    socket may come and go."""
    suspects = _sockets(pid) - _local(pid)
    if suspects:
        suspects &= _sockets(pid) - _local(pid)
    for descriptor, inode in sorted(suspects):
        try:
            kind = os.getxattr(f"/proc/{pid}/fd/{descriptor}", "system.sockprotoname").decode().strip("\0")
        except OSError:
            kind = "unknown"
        yield Held(pid, _program(pid), f"{kind}, inode {inode}")


def _sockets(pid: int) -> set[tuple[int, int]]:
    """Descriptors and inodes."""
    found = set()
    try:
        for link in Path(f"/proc/{pid}/fd").iterdir():
            try:
                match = _SOCKET.fullmatch(os.readlink(link))  # noqa: PTH115 - it names no path
            except OSError:
                continue
            if match is not None:
                found.add((int(link.name), int(match[1])))
    except OSError:  # it has ended
        return set()
    return found


def _local(pid: int) -> set[tuple[int, int]]:
    inodes = set()
    for name, column in _LOCAL_TABLES.items():
        try:
            lines = Path(f"/proc/{pid}/net/{name}").read_text("utf-8", "replace").splitlines()[1:]
        except OSError:
            continue
        inodes |= {int(words[column]) for line in lines if len(words := line.split()) > column}
    return {(descriptor, inode) for descriptor, inode in _sockets(pid) if inode in inodes}


def _program(pid: int) -> str:
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[:6]
    except OSError:
        return "?"
    return b" ".join(words).decode("utf-8", "replace").strip()[:200]
