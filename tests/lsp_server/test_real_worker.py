"""WorkerLink and the real worker with a tiny random model, as processes."""

import asyncio
import contextlib
import os
import signal
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from inference.messages import Generate, Status
from lsp_server.worker_link import Generation, LinkStatus, WorkerCommand, WorkerLink, ask_status

pytestmark = pytest.mark.asyncio

GIVE_UP_S = 120.0


@pytest.fixture(scope="module")
def runtime() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="mf") as directory, pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", directory)
        yield Path(directory)


@pytest.fixture(scope="module")
def command(runtime: Path, tiny_model_dir: Path) -> Iterator[WorkerCommand]:
    command = WorkerCommand(model=str(tiny_model_dir), idle_timeout_s=30, log=runtime / "worker.log")
    yield command
    status = asyncio.run(ask_status(command))
    if status is not None:
        os.kill(status.pid, signal.SIGTERM)
        asyncio.run(ended(status.pid))


@pytest_asyncio.fixture
async def link(command: WorkerCommand) -> AsyncIterator[WorkerLink]:
    """A link whose worker is ready."""
    link = WorkerLink(command, lambda status: None)
    await link.start()
    async with asyncio.timeout(GIVE_UP_S):
        settled = await link.settled()
    assert settled == LinkStatus("ready", "", "tiny", "cpu")
    assert link.snippet_tokens == 32
    yield link
    await link.close()


def ask(prefix: str, *, max_tokens: int = 8, document: str = "file:///a.py") -> Generate:
    return Generate(
        0, document, "a.py", "python", prefix, "\n", max_tokens=max_tokens, temperature=1.0, seed=1
    )


async def read(generation: Generation) -> str:
    async with asyncio.timeout(GIVE_UP_S):
        return "".join([text async for text in generation])


async def ended(pid: int) -> None:
    async with asyncio.timeout(GIVE_UP_S):
        while Path(f"/proc/{pid}").exists() and " Z " not in Path(f"/proc/{pid}/stat").read_text():
            await asyncio.sleep(0.01)


async def status_of(link: WorkerLink) -> Status:
    status = await link.status()
    assert status is not None
    return status


async def test_text_comes_with_its_statistics_and_a_keystroke_reuses_the_prompt(link: WorkerLink) -> None:
    first = link.generate(ask("def add(a, b):\n    ret"))
    await read(first)
    assert first.done is not None
    assert first.done.statistics.generated_tokens > 0
    assert first.done.statistics.total_ms > 0
    second = link.generate(ask("def add(a, b):\n    retu"))
    await read(second)
    assert second.done is not None
    assert second.done.statistics.cached_tokens > 0


async def test_the_same_seed_says_the_same_in_another_window(
    link: WorkerLink, command: WorkerCommand
) -> None:
    other = WorkerLink(command, lambda status: None)
    await other.start()
    async with asyncio.timeout(GIVE_UP_S):
        await other.settled()
    assert (await status_of(other)).pid == (await status_of(link)).pid
    assert await read(link.generate(ask("x = "))) == await read(other.generate(ask("x = ")))
    await other.close()


async def test_a_newer_request_supersedes_and_a_cancel_stops(link: WorkerLink) -> None:
    older = link.generate(ask("a = ", max_tokens=48))
    newer = link.generate(ask("a = 1", max_tokens=48))
    other = link.generate(ask("b = ", max_tokens=48, document="file:///b.py"))
    other.cancel()
    await read(older)
    await read(newer)
    async with asyncio.timeout(GIVE_UP_S):
        cancelled = await other.outcome()
    assert older.done is not None
    assert older.done.stop_reason == "superseded"
    assert newer.done is not None
    assert newer.done.stop_reason != "superseded"
    assert cancelled == other.done
    assert cancelled.stop_reason == "aborted"
    assert (await status_of(link)).active == 0


async def test_a_killed_worker_is_started_again(link: WorkerLink) -> None:
    before = await status_of(link)
    generation = link.generate(ask("a = ", max_tokens=48))
    os.kill(before.pid, signal.SIGKILL)
    await read(generation)
    assert generation.error is not None or generation.done is not None
    async with asyncio.timeout(GIVE_UP_S):
        while link.current.state != "ready" or await link.status() is None:
            await asyncio.sleep(0.01)
    assert (await status_of(link)).pid != before.pid
    again = link.generate(ask("a = "))
    await read(again)
    assert again.done is not None


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("config.json", b'{"architectures": ["LlamaForCausalLM"]}', "config.json"),
        ("model.safetensors", b"\x10", "model.safetensors"),
    ],
)
async def test_a_broken_model_is_named_at_once(
    runtime: Path, make_model_dir: object, name: str, content: bytes, complaint: str
) -> None:
    assert callable(make_model_dir)
    broken = make_model_dir()
    (broken / name).write_bytes(content)
    link = WorkerLink(WorkerCommand(model=str(broken), log=runtime / "worker.log"), lambda status: None)
    await link.start()
    async with asyncio.timeout(GIVE_UP_S):
        status = await link.settled()
    await link.close()
    assert status.state == "error"
    assert complaint in status.message
    assert "choose another model" in status.cure


async def test_a_private_worker_works_without_a_log_and_dies_with_its_server(tiny_model_dir: Path) -> None:
    command = WorkerCommand(model=str(tiny_model_dir), private=True, log=Path("/dev/null/worker.log"))
    link = WorkerLink(command, lambda status: None)
    await link.start()
    async with asyncio.timeout(GIVE_UP_S):
        settled = await link.settled()
    assert settled.state == "ready"
    assert settled.message.startswith("no log at /dev/null/worker.log: ")
    status = await status_of(link)
    generation = link.generate(ask("a = "))
    await read(generation)
    assert generation.done is not None
    await link.close()
    await ended(status.pid)
    with contextlib.suppress(ProcessLookupError):
        os.kill(status.pid, 0)
        raise AssertionError("the worker outlived its server")


async def test_an_idle_worker_ends_itself(tiny_model_dir: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="mf") as directory, pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", directory)
        command = WorkerCommand(model=str(tiny_model_dir), idle_timeout_s=1, log=Path(directory) / "log")
        link = WorkerLink(command, lambda status: None)
        await link.start()
        async with asyncio.timeout(GIVE_UP_S):
            assert (await link.settled()).state == "ready", (Path(directory) / "log").read_text()
        pid = (await status_of(link)).pid
        await link.close()
        await ended(pid)
        assert await ask_status(command) is None
        assert list((Path(directory) / "midfill").glob("*.sock")) == []
