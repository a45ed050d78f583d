"""A filter in the kernel that stops every call by which a process, or a child of it, could get a socket to
elsewhere.

The kernel keeps the caller waiting and hands the call to whoever holds the listener (seccomp(2),
SECCOMP_RET_USER_NOTIF,
Linux 5.0). Nobody is asked for a privilege, and nobody can take the filter off again. What could get a
socket past
`socket` is stopped too: io_uring, which opens them by itself, and pidfd_getfd, which takes another process's.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import platform
import select
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_PR_SET_NO_NEW_PRIVS = 38
_SET_MODE_FILTER, _NEW_LISTENER = 1, 8
_ALLOW, _NOTIFY = 0x7FFF0000, 0x7FC00000
_LOAD, _EQUAL, _AT_LEAST, _RETURN = (
    0x20,
    0x15,
    0x35,
    0x06,
)  # BPF_LD|W|ABS, BPF_JMP|JEQ|K, BPF_JMP|JGE|K, BPF_RET|K
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT = (
    0,
    4,
    16,
)  # offsets in struct seccomp_data, the low half on these machines
_RECEIVE, _SEND = 0xC0502100, 0xC0182101
_NOTIFICATION = struct.Struct("=QIIiIQ6Q")
_RESPONSE = struct.Struct("=QqiI")
_X32 = 0x40000000
_LOCAL_FAMILIES = {"AF_UNIX": 1, "AF_NETLINK": 16, "AF_ALG": 38}
"""Between processes of this machine, or a process and its kernel."""
_IO_URING_SETUP, _PIDFD_GETFD = 425, 438


@dataclass(frozen=True, slots=True)
class _Machine:
    """Numbers of an architecture (linux/audit.h, asm/unistd.h)."""

    audit: int
    seccomp: int
    socket: int
    socketpair: int


_MACHINES = {"x86_64": _Machine(0xC000003E, 317, 41, 53), "aarch64": _Machine(0xC00000B7, 277, 198, 199)}


class NoFilterError(Exception):
    """This kernel, or whoever set up this container, lets no such filter be made; the text says why."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """A process asked for what the filter stops, and did not get it."""

    pid: int
    program: str
    call: str

    def __str__(self) -> str:
        return f"{self.program} (process {self.pid}) called {self.call}"


class _Instruction(ctypes.Structure):
    _fields_ = (
        ("code", ctypes.c_ushort),
        ("jt", ctypes.c_ubyte),
        ("jf", ctypes.c_ubyte),
        ("k", ctypes.c_uint32),
    )


class _Program(ctypes.Structure):
    _fields_ = (("len", ctypes.c_ushort), ("filter", ctypes.POINTER(_Instruction)))


def install() -> int:
    """Put this process and all its children to be under the filter, for good; the listener's descriptor.

    Raises NoFilterError.
    """
    machine = _MACHINES.get(platform.machine()) if platform.system() == "Linux" else None
    if machine is None:
        raise NoFilterError(f"there is none for {platform.system()} on {platform.machine()}")
    instructions = _program(machine)
    array = (_Instruction * len(instructions))(*(_Instruction(*each) for each in instructions))
    program = _Program(len(instructions), array)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        raise NoFilterError(f"no_new_privs: {os.strerror(ctypes.get_errno())}")
    listener = int(libc.syscall(machine.seccomp, _SET_MODE_FILTER, _NEW_LISTENER, ctypes.byref(program)))
    if listener < 0:
        raise NoFilterError(f"seccomp: {os.strerror(ctypes.get_errno())}")
    return listener


def _program(machine: _Machine) -> list[tuple[int, int, int, int]]:
    """Classic BPF. Jumps are counted from the next instruction; the last two return."""
    checks: list[tuple[int, int, int | str, int | str]] = [
        (_LOAD, _ARCHITECTURE, 0, 0),
        (_EQUAL, machine.audit, 0, "stop"),
        (_LOAD, _NUMBER, 0, 0),
        (_AT_LEAST, _X32, "stop", 0),
        (_EQUAL, _IO_URING_SETUP, "stop", 0),
        (_EQUAL, _PIDFD_GETFD, "stop", 0),
        (_EQUAL, machine.socket, 1, 0),
        (_EQUAL, machine.socketpair, 0, "allow"),
        (_LOAD, _FIRST_ARGUMENT, 0, 0),
        *((_EQUAL, family, "allow", 0) for family in _LOCAL_FAMILIES.values()),
    ]
    stop, allow = len(checks), len(checks) + 1

    def jump(at: int, to: int | str) -> int:
        return to if isinstance(to, int) else (stop if to == "stop" else allow) - at - 1

    program = [(code, jump(at, yes), jump(at, no), k) for at, (code, k, yes, no) in enumerate(checks)]
    return [*program, (_RETURN, 0, 0, _NOTIFY), (_RETURN, 0, 0, _ALLOW)]


def attempts(listener: int, until: int) -> Iterator[Attempt]:
    """Each call that is stopped, refused with EACCES, until there is something to read from `until`."""
    while True:
        ready, _, _ = select.select([listener, until], [], [])
        if listener in ready:
            try:
                notification = bytearray(_NOTIFICATION.size)
                fcntl.ioctl(listener, _RECEIVE, notification)
                identity, pid, _, number, architecture, _, *arguments = _NOTIFICATION.unpack(notification)
                yield Attempt(pid, _program_of(pid), _call(number, architecture, arguments))
                fcntl.ioctl(listener, _SEND, bytearray(_RESPONSE.pack(identity, 0, -errno.EACCES, 0)))
            except OSError as error:
                if error.errno not in (errno.ENOENT, errno.EINTR):  # it has been killed meanwhile
                    raise
        if until in ready:
            return


def _program_of(pid: int) -> str:
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[:6]
    except OSError:
        return "?"
    return b" ".join(words).decode("utf-8", "replace").strip()[:200]


def _call(number: int, architecture: int, arguments: list[int]) -> str:
    machine = _MACHINES[platform.machine()]
    if architecture != machine.audit or number >= _X32:
        return f"system call {number} of another architecture"
    if number in (machine.socket, machine.socketpair):
        return f"socket({_family(arguments[0] & 0xFFFFFFFF)})"
    return {_IO_URING_SETUP: "io_uring_setup", _PIDFD_GETFD: "pidfd_getfd"}.get(
        number, f"system call {number}"
    )


def _family(number: int) -> str:
    return {2: "AF_INET", 10: "AF_INET6", 17: "AF_PACKET", 40: "AF_VSOCK"}.get(number, f"family {number}")
