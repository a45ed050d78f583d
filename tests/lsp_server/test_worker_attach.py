"""Finding, starting and greeting a worker; and when that cannot be done."""

import asyncio
import errno
import os
import signal
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from inference.transport import lock_path, socket_path
from lsp_server import worker_attach
from lsp_server.worker_attach import WorkerFailure
from lsp_server.worker_link import Patience, WorkerCommand, WorkerLink, ask_status
from tests.lsp_server.link_bench import GIVE_UP_S, UP, Bench, ask, is_alive, read

pytestmark = pytest.mark.asyncio


@pytest.mark.parametrize(
    ("script", "private"),
    [
        ("exit", False),
        ("close exit", False),
        ("hello half exit", False),
        ("hello garbage exit", False),
        ("hello exit", True),
    ],
)
async def test_a_worker_that_never_comes_up_is_given_up_loudly(
    bench: Bench, script: str, private: bool
) -> None:
    link = bench.link(script, private=private)
    await link.start()
    async with asyncio.timeout(GIVE_UP_S):
        status = await link.settled()
    assert status.state == "error"
    assert "failed too often" in status.message
    assert str(bench.directory / "worker.log") in status.cure
    assert bench.states.count("error") == 1
    # While a process dies its connection ends first, and a link that is quick may meet its socket once more.
    assert len(bench.pids) == 5 if private else 1 < len(bench.pids) <= 5
    generation = link.generate(ask())
    assert await read(generation) == ""
    assert generation.error is not None
    assert generation.error.code == "model"


async def test_without_a_home_directory_and_a_place_for_the_log_the_link_gives_up(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def home() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", home)
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    (bench.directory / "midfill").mkdir(mode=0o755)
    link = WorkerLink(replace(bench.command("hello welcome serve"), log=None), bench.told.append)
    bench.links.append(link)
    await link.start()
    async with asyncio.timeout(GIVE_UP_S):
        status = await link.settled()
    assert status.state == "error"
    assert "chmod 700" in status.message


async def test_a_model_in_the_home_of_nobody(bench: Bench) -> None:
    command = WorkerCommand(model="~nosuchuser/m")
    link = WorkerLink(command, bench.told.append)
    bench.links.append(link)
    await link.start()
    async with asyncio.timeout(GIVE_UP_S):
        status = await link.settled()
    assert status.message.startswith("the model '~nosuchuser/m' cannot be found")
    assert status.cure.startswith("give the model's whole path")
    with pytest.raises(WorkerFailure, match="~nosuchuser/m"):
        await ask_status(command)


FINAL = {
    "another version": ("hello future hang", "version 99", "another version of Midfill"),
    "refused for the version": ("hello refuse hang", "version 99", "another version of Midfill"),
    "a broken model at once": ("hello no-model hang", "not a Qwen3-MoE", "choose another model"),
    "a broken model later": (
        "hello welcome loading no-model hang",
        "not a Qwen3-MoE",
        "choose another model",
    ),
}


@pytest.mark.parametrize(("script", "message", "cure"), FINAL.values(), ids=FINAL.keys())
async def test_what_trying_again_cannot_mend_is_told_at_once(
    bench: Bench, script: str, message: str, cure: str
) -> None:
    link = bench.link(script)
    await link.start()
    async with asyncio.timeout(GIVE_UP_S):
        status = await link.settled()
    assert status.state == "error"
    assert message in status.message
    assert cure in status.cure
    assert len(bench.pids) == 1


async def test_a_program_that_cannot_be_run_is_told_at_once(bench: Bench) -> None:
    command = WorkerCommand(log=bench.directory / "worker.log", program=("/nowhere/midfill-worker",))
    link = WorkerLink(command, bench.told.append)
    bench.links.append(link)
    await link.start()
    status = await link.settled()
    assert status.state == "error"
    assert "/nowhere/midfill-worker" in status.message


async def test_a_shortage_is_tried_again(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """EMFILE, ENOMEM, ENOSPC: what is short now may be there a moment later."""
    shortages = [
        OSError(errno.EMFILE, "Too many open files"),
        OSError(errno.ENOSPC, "No space left on device"),
    ]

    def start_if_alone(command: WorkerCommand, path: Path) -> subprocess.Popen[bytes] | None:
        if shortages:
            raise shortages.pop()
        return worker_attach_start(command, path)

    worker_attach_start = worker_attach._start_if_alone
    monkeypatch.setattr(worker_attach, "_start_if_alone", start_if_alone)
    link = await bench.up("hello welcome serve")
    assert any("No space left" in status.message for status in bench.told)
    assert await read(link.generate(ask())) == "x = |\n"


async def test_a_socket_directory_of_someone_else_is_told_at_once(bench: Bench) -> None:
    (bench.directory / "midfill").mkdir(mode=0o755)
    (bench.directory / "midfill").chmod(0o755)
    link = bench.link("hello welcome serve")
    await link.start()
    status = await link.settled()
    assert "chmod 700" in status.message
    assert bench.pids == []


async def test_a_worker_of_another_user_is_not_spoken_to(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lsp_server.worker_attach.is_same_user", lambda sock: False)
    link = bench.link("hello welcome serve")
    await link.start()
    async with asyncio.timeout(GIVE_UP_S):
        status = await link.settled()
    assert status.state == "error"
    assert "another user" in status.message


@pytest.mark.parametrize("script", ["hang", "hello hang"])
async def test_a_worker_that_does_not_answer_hello_is_named(bench: Bench, script: str) -> None:
    link = bench.link(script, patience=Patience(welcome_s=0.05), max_failures=2)
    await link.start()
    async with asyncio.timeout(GIVE_UP_S):
        status = await link.settled()
    assert status.state == "error"
    assert f"process {bench.pids[0]}" in status.message
    assert f"end process {bench.pids[0]}" in status.cure
    assert len(bench.pids) == 1  # it holds the lock: a second one would fight for the socket


async def test_a_worker_without_a_socket_is_given_up(bench: Bench) -> None:
    link = bench.link("no-bind", patience=Patience(start_s=0.05), max_failures=2)
    await link.start()
    async with asyncio.timeout(GIVE_UP_S):
        status = await link.settled()
    assert "accepts no connection" in status.message


async def test_servers_share_one_worker_and_close_leaves_it_running(bench: Bench) -> None:
    first = await bench.up("bind-late hello welcome serve")
    await first.close()
    assert is_alive(bench.pids[0])
    second = await bench.up("hello welcome serve")
    assert await read(second.generate(ask())) == "x = |\n"
    assert len(bench.pids) == 1


async def test_servers_that_race_start_one_worker(bench: Bench) -> None:
    links = [bench.link("bind-late hello welcome ready close") for _ in range(8)]
    await asyncio.gather(*(link.start() for link in links))
    await bench.until(lambda: bench.states.count("ready") >= 1)
    assert len(bench.pids) == 1


async def test_a_socket_left_by_a_killed_worker_is_no_obstacle(bench: Bench) -> None:
    first = await bench.up("hello welcome serve")
    await first.close()
    await bench.kill(bench.pids[0])
    assert socket_path("shipped").is_socket()
    await bench.up("hello welcome serve")
    assert len(bench.pids) == 2


async def test_ask_status_starts_nothing(bench: Bench) -> None:
    command = bench.command("hello welcome serve")
    assert await ask_status(command) is None
    assert not lock_path(socket_path("shipped")).exists()
    link = await bench.up("hello welcome serve")
    await link.close()
    status = await ask_status(command)
    assert status is not None
    assert status.pid == bench.pids[0]


async def test_a_full_queue_of_connections_is_not_a_stale_socket(bench: Bench) -> None:
    """A stopped worker accepts nothing: whoever comes neither hangs nor removes its socket, and names it."""
    link = await bench.up(f"{UP} serve")
    await link.close()
    os.kill(bench.pids[0], signal.SIGSTOP)
    late = bench.link("hello welcome serve", patience=Patience(welcome_s=0.02, start_s=0.2), max_failures=3)
    await late.start()
    async with asyncio.timeout(GIVE_UP_S):
        status = await late.settled()
    assert status.state == "error"
    assert "accepts no connection" in status.message
    assert f"end process {bench.pids[0]}" in status.cure
    assert socket_path("shipped").is_socket()
    assert len(bench.pids) == 1
