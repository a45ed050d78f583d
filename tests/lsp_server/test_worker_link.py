"""WorkerLink against workers that misbehave on script (tests/fake_worker.py), as real processes."""

import asyncio
import contextlib
import errno
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio

from inference.messages import Generate
from inference.transport import lock_path, socket_path
from lsp_server import worker_attach, worker_process
from lsp_server.backoff import Backoff
from lsp_server.worker_link import Generation, LinkStatus, Patience, WorkerCommand, WorkerLink, ask_status

pytestmark = pytest.mark.asyncio

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


@pytest_asyncio.fixture
async def bench(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Bench]:
    with tempfile.TemporaryDirectory(prefix="mf") as directory:
        monkeypatch.setenv("XDG_RUNTIME_DIR", directory)
        bench = Bench(Path(directory))
        yield bench
        for link in bench.links:
            await link.close()
        for pid in bench.pids:
            await bench.kill(pid)
        for process in worker_process._left_running:  # some may not have come to write down their id
            process.kill()
            process.wait()


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


@pytest.mark.parametrize("private", [False, True])
async def test_text_streams_from_a_worker_that_is_started_on_demand(bench: Bench, private: bool) -> None:
    link = await bench.up("hello welcome serve", private=private)
    generation = link.generate(ask())
    assert link.current.state == "busy"
    assert await read(generation) == "x = |\n"
    assert generation.error is None
    assert generation.done is not None
    assert generation.done.stop_reason == "eot"
    assert link.current == LinkStatus("ready", "", "fake", "cpu")
    assert bench.states == ["starting", "starting", "ready", "busy", "ready"]
    status = await link.status()
    assert status is not None
    assert status.pid == bench.pids[0]


async def test_many_generations_share_the_connection(bench: Bench) -> None:
    link = await bench.up("hello welcome serve")
    generations = [link.generate(ask(f"file:///{n}", prefix=f"{n}", suffix="")) for n in range(20)]
    assert await asyncio.gather(*map(read, generations)) == [f"{n}|" for n in range(20)]


async def test_before_the_start_a_generation_ends_at_once_with_an_error(bench: Bench) -> None:
    generation = bench.link("hello welcome serve").generate(ask())
    assert await read(generation) == ""
    assert generation.error is not None
    assert "not started" in generation.error.message
    assert bench.pids == []


async def test_start_returns_before_the_worker_is_there(bench: Bench) -> None:
    link = bench.link("no-bind")
    await link.start()
    await link.start()
    assert bench.states == ["starting"]
    assert await read(link.generate(ask())) == ""
    await bench.until(lambda: len(bench.pids) == 1)


async def test_a_request_waits_while_the_model_loads(bench: Bench) -> None:
    link = bench.link("hello welcome loading generate ready chunk done serve")
    await link.start()
    await bench.until(lambda: link.current.message == "loading the model")
    generation = link.generate(ask())
    assert link.current.state == "starting"
    answer = asyncio.ensure_future(read(generation))
    await link.status()
    assert await answer == "text"
    assert generation.done is not None


DEATHS = {
    "killed before the first text": ("generate kill", ""),
    "killed in the middle of an answer": ("generate chunk kill", "text"),
    "closed in the middle of an answer": ("generate chunk close", "text"),
    "exit in the middle of an answer": ("generate chunk exit", "text"),
    "killed in the middle of a frame": ("generate chunk half kill", "text"),
    "a frame that is too long": ("generate chunk oversize hang", "text"),
    "a frame that is no message": ("generate chunk garbage hang", "text"),
    "a field of the wrong type": ("generate chunk wrong hang", "text"),
    "a message of no known type": ("generate chunk unknown hang", "text"),
    "a message that is not for clients": ("generate chunk backwards hang", "text"),
    "an engine that breaks": ("generate chunk trouble exit", "text"),
}


@pytest.mark.parametrize(("script", "text"), DEATHS.values(), ids=DEATHS.keys())
async def test_a_generation_ends_with_the_worker_and_the_next_one_works(
    bench: Bench, script: str, text: str
) -> None:
    link = await bench.up(f"{UP} {script} | hello welcome serve")
    generation = link.generate(ask())
    assert await read(generation) == text
    assert generation.done is None
    assert generation.error is not None
    assert generation.error.code == "internal"
    await bench.kill(bench.pids[0])  # if it lives on: a shared worker that hangs is not the link's to end
    await bench.until(lambda: link.current.state == "ready")
    assert await read(link.generate(ask())) == "x = |\n"
    assert "error" not in bench.states
    assert len(bench.pids) == 2


async def test_a_private_worker_that_misbehaves_is_ended_and_started_again(bench: Bench) -> None:
    link = await bench.up(f"{UP} generate garbage hang | hello welcome serve", private=True)
    assert await read(link.generate(ask())) == ""
    await bench.until(lambda: link.current.state == "ready")
    assert not is_alive(bench.pids[0])
    assert await read(link.generate(ask())) == "x = |\n"


async def test_all_generations_under_way_end_with_the_worker(bench: Bench) -> None:
    link = await bench.up(f"{UP} generate hang | hello welcome serve")
    generations = [link.generate(ask(f"file:///{n}")) for n in range(5)]
    os.kill(bench.pids[0], signal.SIGKILL)
    assert await asyncio.gather(*map(read, generations)) == [""] * 5
    assert all(generation.error for generation in generations)
    await bench.until(lambda: link.current.state == "ready")


async def test_an_answer_that_is_complete_survives_the_death_after_it(bench: Bench) -> None:
    link = await bench.up(f"{UP} generate chunk done kill | hello welcome serve")
    generation = link.generate(ask())
    await bench.until(lambda: link.current.state == "starting")
    assert await read(generation) == "text"
    assert generation.done is not None
    assert generation.error is None


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


async def test_a_worker_that_dies_on_every_request_is_given_up(bench: Bench) -> None:
    link = await bench.up(f"{UP} generate kill")
    async with asyncio.timeout(GIVE_UP_S):
        while link.current.state != "error":
            await read(link.generate(ask()))
            await asyncio.sleep(0.005)
    assert 1 < len(bench.pids) <= 5
    assert "failed too often" in link.current.message


async def test_after_giving_up_start_tries_again(bench: Bench) -> None:
    link = bench.link("hello exit | hello exit | hello welcome serve", max_failures=2)
    await link.start()
    assert (await link.settled()).state == "error"
    await link.start()
    assert (await link.settled()).state == "ready"
    assert await read(link.generate(ask())) == "x = |\n"


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


async def test_a_mistake_of_ours_is_told_and_ends_what_waits(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = await bench.up(f"{UP} generate chunk hang")
    monkeypatch.setattr(link, "_accept", lambda message: 1 / 0)
    generation = link.generate(ask())
    assert await read(generation) == ""
    assert generation.error is not None
    await bench.until(lambda: link.current.state == "error")
    assert "ZeroDivisionError" in link.current.message


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
    assert "did not open its socket" in status.message


@pytest.mark.parametrize("word", ["hang", "stop"])
async def test_a_worker_that_stops_in_the_middle_does_not_keep_the_editor_waiting(
    bench: Bench, word: str
) -> None:
    patience = Patience(welcome_s=0.1, silence_s=0.02, status_s=0.1)
    link = await bench.up(
        f"{UP} generate chunk {word} | hello welcome serve", patience=patience, max_failures=99
    )
    generation = link.generate(ask())
    assert await read(generation) == "text"
    assert generation.error is not None
    assert f"process {bench.pids[0]}" in generation.error.message
    os.kill(bench.pids[0], signal.SIGKILL)
    await bench.until(lambda: link.current.state == "ready")
    assert await read(link.generate(ask())) == "x = |\n"


async def test_a_slow_answer_is_no_silence(bench: Bench) -> None:
    """A worker that still answers Status is alive, however long a step takes."""
    patience = Patience(silence_s=0.01, status_s=GIVE_UP_S)
    link = await bench.up(f"{UP} generate ready ready ready chunk done serve", patience=patience)
    assert await read(link.generate(ask())) == "text"
    assert "error" not in bench.states


async def test_cancel_reaches_the_worker_and_ends_the_iteration(bench: Bench) -> None:
    link = await bench.up(f"{UP} generate chunk abort done serve")
    generation = link.generate(ask())
    assert await anext(generation) == "text"
    generation.cancel()
    generation.cancel()
    assert await read(generation) == ""
    assert generation.error is None
    assert link.current.state == "ready"
    assert await generation.outcome() == generation.done
    assert await read(link.generate(ask())) == "x = |\n"  # only after the Abort does the fake worker serve


async def test_a_cancelled_generation_has_an_outcome_though_the_worker_dies(bench: Bench) -> None:
    link = await bench.up(f"{UP} generate abort kill")
    generation = link.generate(ask())
    generation.cancel()
    async with asyncio.timeout(GIVE_UP_S):
        assert await generation.outcome() == generation.error


async def test_cancel_wakes_a_reader_that_waits(bench: Bench) -> None:
    link = await bench.up(f"{UP} generate abort serve")
    generation = link.generate(ask())
    reader = asyncio.ensure_future(read(generation))
    await asyncio.sleep(0)
    generation.cancel()
    assert await reader == ""


async def test_cancel_after_the_end_sends_nothing(bench: Bench) -> None:
    link = await bench.up(f"{UP} generate chunk done generate chunk done serve")
    first = link.generate(ask())
    assert await read(first) == "text"
    first.cancel()
    assert first.done is not None
    assert await read(link.generate(ask())) == "text"


async def test_half_a_surrogate_pair_does_not_lose_the_request(bench: Bench) -> None:
    link = await bench.up("hello welcome serve")
    assert await read(link.generate(ask(prefix="a\ud83d", suffix="\ud83d\ude00"))) == "a\ufffd|😀"


async def test_a_request_over_the_limits_fails_alone(bench: Bench) -> None:
    link = await bench.up("hello welcome serve")
    generation = link.generate(ask(prefix="x" * (1 << 20) + "x"))
    assert await read(generation) == ""
    assert generation.error is not None
    assert generation.error.code == "invalid"
    assert "prefix" in generation.error.message
    assert await read(link.generate(ask())) == "x = |\n"


async def test_a_worker_that_reads_nothing_does_not_fill_our_memory(bench: Bench) -> None:
    link = await bench.up(f"{UP} generate hang")
    generations = [link.generate(ask(f"file:///{n}", prefix="x" * (1 << 20))) for n in range(30)]
    await bench.until(lambda: all(generation.error for generation in generations[10:]))
    assert {generation.error.code for generation in generations if generation.error} <= {
        "overloaded",
        "internal",
    }


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


async def test_close_ends_a_private_worker_and_what_waits_for_it(bench: Bench) -> None:
    link = await bench.up(f"{UP} generate hang", private=True)
    generation = link.generate(ask())
    reader = asyncio.ensure_future(read(generation))
    closing = asyncio.ensure_future(link.close())
    assert await reader == ""
    assert generation.error is not None
    assert is_alive(bench.pids[0])
    await closing
    assert not is_alive(bench.pids[0])
    assert not (bench.directory / "midfill").exists()


async def test_close_before_anything_is_up(bench: Bench) -> None:
    link = bench.link("no-bind")
    await link.start()
    await bench.until(lambda: len(bench.pids) == 1)
    await link.close()
    await link.close()
    unstarted = bench.link("no-bind")
    await unstarted.close()


async def test_ask_status_starts_nothing(bench: Bench) -> None:
    command = bench.command("hello welcome serve")
    assert await ask_status(command) is None
    assert not lock_path(socket_path("shipped")).exists()
    link = await bench.up("hello welcome ready close")
    await link.close()
    status = await ask_status(command)
    assert status is not None
    assert status.pid == bench.pids[0]


async def test_a_full_queue_of_connections_is_not_a_stale_socket(bench: Bench) -> None:
    """A stopped worker accepts nothing; whoever comes must neither hang nor remove its socket."""
    link = await bench.up(f"{UP} serve")
    await link.close()
    os.kill(bench.pids[0], signal.SIGSTOP)
    late = bench.link("hello welcome serve", patience=Patience(welcome_s=0.02, start_s=0.2), max_failures=3)
    started = time.monotonic()
    await late.start()
    async with asyncio.timeout(GIVE_UP_S):
        status = await late.settled()
    assert status.state == "error"
    assert time.monotonic() - started < GIVE_UP_S
    assert socket_path("shipped").is_socket()
    assert len(bench.pids) == 1
