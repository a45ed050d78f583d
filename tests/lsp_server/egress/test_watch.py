"""What a program under watch asks for, and what it holds."""

import os
import platform
import socket
import sys
import textwrap
from pathlib import Path

import pytest

from lsp_server.egress import watch as watching
from lsp_server.egress.seccomp import Attempt
from lsp_server.egress.sockets import strangers, tree
from lsp_server.egress.watch import Watch

pytestmark = pytest.mark.skipif(platform.system() != "Linux", reason="seccomp and /proc are Linux's")


def watched(program: str, tmp_path: Path) -> Watch:
    """A Python program, run to its end. It says when it is done by closing stdout."""
    with Watch([sys.executable, "-c", textwrap.dedent(program)], tmp_path) as watch:
        assert watch.process.stdout is not None
        watch.process.stdout.read()
        watch.process.wait(60)
    return watch


def calls(watch: Watch) -> list[str]:
    assert watch.no_filter == ""
    return [attempt.call for attempt in watch.attempts]


@pytest.mark.parametrize(
    ("make", "call"),
    [
        ("socket.socket(socket.AF_INET)", "socket(AF_INET)"),
        ("socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)", "socket(AF_INET6)"),
        ("socket.create_connection(('127.0.0.1', 9))", "socket(AF_INET)"),
        ("__import__('ctypes').CDLL(None).syscall(425, 1, 0)", "io_uring_setup"),
    ],
)
def test_a_socket_that_leads_elsewhere_is_heard_of_and_refused(tmp_path: Path, make: str, call: str) -> None:
    program = f"""
        import socket, sys
        try:
            result = {make}
        except PermissionError:
            result = -1
        sys.exit(0 if result == -1 else 1)
    """
    watch = watched(program, tmp_path)
    assert calls(watch) == [call]
    assert watch.process.returncode == 0


def test_a_child_of_a_child_is_watched_too(tmp_path: Path) -> None:
    child = "import socket\ntry: socket.socket()\nexcept OSError: pass"
    run = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}], start_new_session=True)"
    program = f"""
        import subprocess, sys
        subprocess.run([sys.executable, "-c", {run!r}])
    """
    [attempt] = watched(program, tmp_path).attempts
    assert attempt.call == "socket(AF_INET)"
    assert "import socket" in str(attempt)


def test_local_sockets_are_nobodys_business(tmp_path: Path) -> None:
    program = """
        import asyncio, socket
        a, b = socket.socketpair()
        c = socket.socket(socket.AF_UNIX)
        asyncio.run(asyncio.sleep(0.2))
    """
    watch = watched(program, tmp_path)
    assert calls(watch) == []
    assert watch.held == set()
    assert watch.num_looks > 0


def test_a_filter_that_cannot_be_made_is_told_of(tmp_path: Path) -> None:
    guard = "from lsp_server.egress import guard, seccomp; seccomp._MACHINES.clear(); guard.main()"
    real = watching.subprocess.Popen

    def without(arguments: list[str], **options: object) -> object:
        at = arguments.index("-m")
        return real([*arguments[:at], "-c", guard, *arguments[at + 2 :]], **options)  # type: ignore[call-overload]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(watching.subprocess, "Popen", without)
        watch = watched("", tmp_path)
    assert "there is none for Linux" in watch.no_filter
    assert watch.attempts == []


def test_a_socket_that_is_held_is_found_bound_or_not() -> None:
    with socket.socket() as unbound, socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as datagrams:
        kinds = [held.kind for held in strangers(os.getpid())]
        for each in (unbound, datagrams):
            assert any(kind.endswith(str(os.fstat(each.fileno()).st_ino)) for kind in kinds)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        inodes = {str(os.fstat(each.fileno()).st_ino) for each in (ours, theirs)}
        assert not any(held.kind.split()[-1] in inodes for held in strangers(os.getpid()))


def test_a_tree_has_its_root() -> None:
    assert tree(os.getpid())[0] == os.getpid()
    assert os.getpid() in tree(os.getppid())


def test_an_attempt_is_told_in_a_line() -> None:
    assert (
        str(Attempt(7, "midfill lsp", "socket(AF_INET)")) == "midfill lsp (process 7) called socket(AF_INET)"
    )
