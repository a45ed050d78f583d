"""The worker and its parsers, as processes, over what a workspace may hold."""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import pytest

from lsp_server.index import parsers as parsers_module
from lsp_server.index.definition import Contents
from lsp_server.index.indexer import PROGRAM
from lsp_server.index.parser import decode, encode, parse_file
from lsp_server.index.parsers import Parsed, Parsers
from lsp_server.index.source import Stamp
from lsp_server.index.store import reader
from lsp_server.index.walk import Found

DEADLINE_S = 60.0


class RunningWorker:
    """A worker process, which is told what to do and waited for."""

    def __init__(self, root: Path, database: Path) -> None:
        self.database = database
        self._channel, theirs = socket.socketpair()
        self._channel.settimeout(DEADLINE_S)
        with theirs:
            self.process = subprocess.Popen(
                [*PROGRAM, str(root), str(database)],
                stdin=theirs.fileno(), stdout=theirs.fileno(), stderr=subprocess.PIPE, text=True,
            )  # fmt: skip
        self._reports: IO[bytes] = self._channel.makefile("rb")
        self._number = 0
        self.reports: list[dict[str, Any]] = []

    def order(self, do: str, **more: object) -> None:
        self._number += 1
        order = {"do": do, "number": self._number, **more}
        self._channel.sendall(json.dumps(order).encode() + b"\n")

    def until_idle(self, do: str, **more: object) -> list[str]:
        """Give an order, wait until it is carried out, and return the paths that are indexed then."""
        self.order(do, **more)
        for line in self._reports:
            self.reports.append(json.loads(line))
            if self.reports[-1].get("idle") and self.reports[-1]["number"] == self._number:
                return self.paths()
        raise AssertionError("the worker ended")

    def paths(self) -> list[str]:
        database = reader(self.database)
        try:
            return sorted(path for (path,) in database.execute("SELECT path FROM files"))
        finally:
            database.close()

    def names(self) -> list[str]:
        database = reader(self.database)
        try:
            return sorted(name for (name,) in database.execute("SELECT name FROM definitions"))
        finally:
            database.close()

    def hang_up(self) -> tuple[int, str]:
        """The exit code, and what was logged."""
        self._reports.close()
        self._channel.close()
        _, log = self.process.communicate(timeout=DEADLINE_S)
        return self.process.returncode, log


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "none"))
    folder = tmp_path / "project"
    folder.mkdir()
    return folder


@pytest.fixture
def worker(root: Path, tmp_path: Path) -> Iterator[RunningWorker]:
    running = RunningWorker(root, tmp_path / "index.sqlite")
    yield running
    if running.process.poll() is None:
        running.hang_up()


def write(root: Path, path: str, text: str = "def f(): ...\n") -> Path:
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file


def test_a_workspace_and_its_changes(root: Path, worker: RunningWorker) -> None:
    write(root, "a.py", "def a(): ...\n")
    write(root, "b/c.rs", "fn c() {}\n")
    assert worker.until_idle("scan") == ["a.py", "b/c.rs"]
    assert worker.names() == ["a", "c"]
    write(root, "a.py", "def changed(): ...\n")
    write(root, "b/d.go", "package b\nfunc d() {}\n")
    assert worker.until_idle("update", paths=["a.py", "b/d.go", "never.py"]) == ["a.py", "b/c.rs", "b/d.go"]
    assert worker.names() == ["c", "changed", "d"]
    (root / "a.py").unlink()
    assert worker.until_idle("update", paths=["a.py"]) == ["b/c.rs", "b/d.go"]
    (root / "b").rename(root / "gone")
    assert worker.until_idle("update", paths=["b"]) == []
    assert worker.until_idle("scan") == ["gone/c.rs", "gone/d.go"]
    assert worker.hang_up() == (0, "")


def test_what_has_not_changed_is_not_read_again(root: Path, tmp_path: Path, worker: RunningWorker) -> None:
    file = write(root, "a.py", "def one(): ...\n")
    stamp = file.stat()
    worker.until_idle("scan")
    worker.hang_up()
    file.write_text("def two(): ...\n")
    os.utime(file, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    again = RunningWorker(root, tmp_path / "index.sqlite")
    assert again.until_idle("scan") == ["a.py"]
    assert again.names() == ["one"]  # its stamp says that it is the same
    os.utime(file, ns=(1, 1))
    again.until_idle("scan")
    assert again.names() == ["two"]
    again.hang_up()


def test_a_new_ignore_file_takes_out_what_it_names(root: Path, worker: RunningWorker) -> None:
    for name in ("a.py", "private/b.py", "private/c.py"):
        write(root, name)
    assert len(worker.until_idle("scan")) == 3
    write(root, ".midfillignore", "private/\n")
    assert worker.until_idle("update", paths=[".midfillignore"]) == ["a.py"]
    (root / ".midfillignore").unlink()
    assert len(worker.until_idle("update", paths=[".midfillignore"])) == 3


def test_an_ignored_file_that_is_saved_is_not_taken_in(root: Path, worker: RunningWorker) -> None:
    write(root, ".gitignore", "build/\n")
    write(root, "build/a.py")
    write(root, "secrets.lua")
    assert worker.until_idle("update", paths=["build/a.py", "secrets.lua", "../outside.py", ""]) == []


def test_generated_and_binary_files_hold_nothing(root: Path, worker: RunningWorker) -> None:
    write(root, "g.go", "// Code generated by x. DO NOT EDIT.\npackage a\nfunc f() {}\n")
    write(root, "m.js", "function f(){};" * 1000)
    (root / "b.py").write_bytes(b"def f(): ...\n\0")
    assert worker.until_idle("scan") == ["b.py", "g.go", "m.js"]
    assert worker.names() == []


def test_nothing_that_is_excluded_is_kept(root: Path, tmp_path: Path, worker: RunningWorker) -> None:
    """Canaries in every place that may not be read, and in the values of what may."""
    write(tmp_path, "outside/o.py", "def canary_outside(): ...\n")
    (root / "out").symlink_to(tmp_path / "outside")
    write(root, ".gitignore", "ignored/\n*_local.py\n")
    write(root, "a/.midfillignore", "private*\n")
    for number in range(40):
        text = f"def canary_{number}(): ...\nCANARY_{number} = 1\nimport canary_{number}\n"
        for path in (
            f"ignored/{number}.py", f"a/{number}_local.py", f"a/private{number}/b.py",
            f"a/b/private{number}.go",
            f".ssh/{number}.sh", f"secrets/{number}.lua", f"node_modules/{number}.js",
        ):  # fmt: skip
            write(root, path, text)
        write(root, f"fine{number}.py", f"KEY = 'canary-{number}'\ndef f(): return 'canary'\n")
    assert worker.until_idle("scan") == sorted(f"fine{number}.py" for number in range(40))
    worker.until_idle("update", paths=["ignored/1.py", "out/o.py", "a/private1/b.py", ".ssh/1.sh"])
    assert worker.hang_up() == (0, "")
    for file in tmp_path.glob("index*"):
        assert b"canary" not in file.read_bytes().lower(), file


def test_a_large_workspace_of_generated_files_is_soon_done(root: Path, worker: RunningWorker) -> None:
    """200 MB in files of which none is worth an index: most are not even opened."""
    for number in range(50):
        with (root / f"huge{number}.js").open("wb") as file:
            file.truncate(4 << 20)
    for number in range(20):
        (root / f"one{number}.js").write_bytes(b"var a=1;" * 50_000)
    assert len(worker.until_idle("scan")) == 20
    assert worker.names() == []


def test_it_keeps_still_while_the_user_types_and_then_goes_on(root: Path, worker: RunningWorker) -> None:
    write(root, "a.py")
    worker.order("pause", seconds=0.2)
    assert worker.until_idle("scan") == ["a.py"]


def test_it_reports_and_can_be_stopped(root: Path, worker: RunningWorker) -> None:
    for number in range(300):
        write(root, f"f{number}.py", "def f(): ...\n" * 20)
    worker.order("pause", seconds=5.0)
    worker.order("scan")
    worker.order("stop")
    assert len(worker.until_idle("pause", seconds=0.0)) < 300
    assert len(worker.until_idle("scan")) == 300
    assert all(report["done"] <= report["total"] for report in worker.reports if "total" in report)


def test_two_servers_on_one_workspace(root: Path, tmp_path: Path) -> None:
    for number in range(30):
        write(root, f"f{number}.py", f"def f{number}(): ...\n")
    workers = [RunningWorker(root, tmp_path / "index.sqlite") for _ in range(2)]
    for each in workers:
        each.order("pause", seconds=0.0)
    assert [len(each.until_idle("scan")) for each in workers] == [30, 30]
    assert len(workers[0].names()) == 30
    assert [each.hang_up() for each in workers] == [(0, ""), (0, "")]


def test_an_index_that_cannot_be_written_is_given_up_with_a_line(root: Path, tmp_path: Path) -> None:
    worker = RunningWorker(root, tmp_path / "no" / "such" / "folder.sqlite")
    code, log = worker.hang_up()
    assert code == 1
    assert len(log.splitlines()) == 1
    assert "given up" in log


@contextlib.contextmanager
def running(root: Path, program: tuple[str, ...]) -> Iterator[tuple[Parsers, selectors.BaseSelector]]:
    with pytest.MonkeyPatch.context() as patch, selectors.DefaultSelector() as selector:
        patch.setattr(parsers_module, "PROGRAM", program)
        parsers = Parsers(root, 1, selector)
        try:
            yield parsers, selector
        finally:
            parsers.close()


def collect(parsers: Parsers, selector: selectors.BaseSelector) -> list[Parsed]:
    parsed: list[Parsed] = []
    until = time.monotonic() + DEADLINE_S
    while not parsers.is_idle:
        assert time.monotonic() < until
        for key, _ in selector.select(0.05):
            parsed += parsers.take(key.data)
        parsed += parsers.overdue()
    return parsed


def child(body: str) -> tuple[str, ...]:
    """A parser that does something else: `path` is the file that it is asked about."""
    program = f"""
import json, os, signal, sys, time
for line in sys.stdin:
    path = json.loads(line)
    {body}
    print("null", flush=True)
"""
    return (sys.executable, "-c", program)


@pytest.mark.parametrize(
    ("body", "how"),
    [
        ("'bad' in path and os.kill(os.getpid(), signal.SIGKILL)", "ended"),
        ("'bad' in path and time.sleep(1000)", "hung"),
        ("'bad' in path and print('rubbish')", "nonsense"),
    ],
)
def test_a_parser_that_fails_over_a_file_costs_that_file_alone(
    root: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, body: str, how: str
) -> None:
    monkeypatch.setattr(parsers_module, "PATIENCE_S", 6.0)
    files = [Found(name, Stamp(1, 1)) for name in ("a.py", "bad.py", "c.py", "d.py")]
    with running(root, child(body)) as (parsers, selector):
        for found in files:
            assert parsers.has_room
            parsers.give(found)
        parsed = {each.path: each for each in collect(parsers, selector)}
    assert set(parsed) == {"a.py", "bad.py", "c.py", "d.py"}
    assert parsed["bad.py"] == Parsed("bad.py", Stamp(1, 1), Contents())
    assert parsed["c.py"].stamp is None  # as the parser said
    assert f"bad.py is not indexed: a parser {'talked nonsense' if how == 'nonsense' else how}" in caplog.text


def test_a_file_that_takes_too_much_time_costs_itself_alone(
    root: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The real parser, over a grammar that never returns."""
    program = """
import re
from lsp_server.index import parser
def parse(path):
    while "bad" in path:
        re.match("(a*)*b", "a" * 24)
parser.MAX_CPU_S, parser.parse_file = 0.3, parse
parser.main()
"""
    with running(root, (sys.executable, "-c", program)) as (parsers, selector):
        for name in ("a.py", "bad.py", "c.py"):
            parsers.give(Found(name, Stamp(1, 1)))
        parsed = {each.path: each for each in collect(parsers, selector)}
    assert set(parsed) == {"a.py", "bad.py", "c.py"}
    assert "bad.py is not indexed: a parser ended over it" in caplog.text


def test_parsers_that_never_start_are_given_up(root: Path) -> None:
    files = [Found(f"{number}.py", Stamp(1, 1)) for number in range(100)]
    with (
        running(root, (sys.executable, "-c", "raise SystemExit(3)")) as (parsers, selector),
        pytest.raises(OSError, match="end as soon as they are started"),
    ):
        for found in files:
            parsers.give(found)
            collect(parsers, selector)


def test_what_a_parser_says_is_what_it_found(root: Path) -> None:
    file = write(
        root, "a.py", "from a import b as c\nimport d\nclass A(B):\n    '''Größe.'''\n    def f(self): ...\n"
    )
    parsed = parse_file(str(file))
    assert parsed is not None
    assert len(parsed[1].definitions) == 2
    assert decode(encode(parsed)) == parsed
    assert parse_file(str(root / "none.py")) is None
    assert decode(encode(None)) is None


def test_a_worker_ends_with_its_server(root: Path, worker: RunningWorker) -> None:
    for number in range(20):
        write(root, f"f{number}.py")
    worker.order("scan")
    assert worker.hang_up()[0] == 0
    assert worker.process.returncode != -signal.SIGKILL
