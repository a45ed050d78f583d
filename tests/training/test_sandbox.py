from __future__ import annotations

from pathlib import Path

import pytest

import training.sandbox
from training.sandbox import passes, without_network


@pytest.mark.parametrize(
    ("program", "passed"),
    [
        ("assert 1 + 1 == 2", True),
        ("assert 1 + 1 == 3", False),
        ("def broken(:", False),
        ("while True: pass", False),
        ("x = bytearray(3 << 30)", False),
        ("open('f', 'wb').write(bytes(1 << 10))", True),
        ("open('f', 'wb').write(bytes(2 << 20))", False),
        ("files = [open('/dev/null') for _ in range(100)]", False),
        ("import os\nassert set(os.environ) <= {'PATH', 'HOME', 'TMPDIR', 'LC_CTYPE'}", True),
        ("print('a' * 100_000)\nassert __name__ == '__main__'", True),
        ("import dataclasses, typing, re, math, collections, heapq, functools, hashlib, random", True),
    ],
)
def test_a_program_passes_or_not_within_its_limits(program: str, passed: bool) -> None:
    assert passes(program) is passed


@pytest.mark.parametrize(
    "leave",
    ["import sys; sys.exit(0)", "import os; os._exit(0)", "raise SystemExit", "quit()"],
)
def test_a_program_that_leaves_before_its_tests_does_not_pass(leave: str) -> None:
    assert not passes(f"{leave}\nassert False")


@pytest.mark.parametrize(
    "act",
    [
        "import socket; socket.socket()",
        "import socket; socket.getaddrinfo('localhost', 1)",
        "import os; os.fork()",
        "import os; os.system('true')",
        "import subprocess; subprocess.run(['true'])",
        "import ctypes",
        "import os; os.kill(os.getppid(), 0)",
    ],
)
def test_neither_network_nor_processes(act: str) -> None:
    refused = f"try:\n    {act}\nexcept PermissionError:\n    pass\nelse:\n    raise AssertionError\n"
    assert passes(refused)


def test_files_elsewhere_stay_as_they_are(tmp_path: Path) -> None:
    theirs = tmp_path / "theirs"
    theirs.write_text("text")
    for act in (
        f"open({str(theirs)!r}, 'w')",
        f"import os; os.remove({str(theirs)!r})",
        f"import os; os.rename({str(theirs)!r}, 'mine')",
        f"import pathlib; pathlib.Path({str(theirs)!r}).unlink()",
        f"import shutil; shutil.rmtree({str(tmp_path)!r})",
        f"import os; os.chmod({str(theirs)!r}, 0)",
        f"import os; os.symlink('x', {str(tmp_path / 'new')!r})",
    ):
        assert not passes(act)
        assert [path.name for path in tmp_path.iterdir()] == ["theirs"], act
        assert theirs.read_text() == "text", act
    assert passes("import tempfile\nwith tempfile.TemporaryDirectory() as d: open(f'{d}/f', 'w').close()")
    assert passes("import os\nopen('mine', 'w').close()\nos.rename('mine', 'other')\nos.remove('other')")


def test_where_namespaces_are_permitted_there_is_no_network() -> None:
    program = "import socket\nassert socket.if_nameindex() == [(1, 'lo')]"
    assert passes(program) is bool(without_network())


def test_the_guard_is_there_without_namespaces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training.sandbox, "without_network", lambda: ())
    assert passes("assert True")
    assert not passes("import socket; socket.create_connection(('127.0.0.1', 1))")
    assert not passes("import sys; sys.exit(0)")
