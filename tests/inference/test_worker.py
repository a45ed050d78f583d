"""python -m inference as a process."""

import asyncio
import signal
import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from inference.listener import Listener
from inference.messages import PROTOCOL_VERSION, Error, Hello, Message, Welcome
from inference.transport import Channel
from tests.inference.service_bench import GIVE_UP_S, receive, until


@pytest.fixture
def directory() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="mf") as directory:
        yield Path(directory)


def run(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-P", "-m", "inference", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=GIVE_UP_S, cwd=cwd)


def test_it_imports_without_torch() -> None:
    check = "import sys, inference.worker; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", check]).returncode == 0


@pytest.mark.parametrize(
    "argument",
    [
        "--idle-timeout=soon",
        "--idle-timeout=nan",
        "--private-fd=-1",
        "--lock-fd=99999999999",
        "--precision=8",
    ],
)
def test_bad_arguments_are_named(directory: Path, argument: str) -> None:
    result = run(argument, cwd=directory)
    assert (result.returncode, result.stdout) == (2, "")
    assert f"argument {argument.partition('=')[0]}: " in result.stderr.splitlines()[-1]


def test_a_model_that_names_nothing_is_told_in_one_sentence(directory: Path) -> None:
    result = run("--model=~nosuchuser/m", cwd=directory)
    assert (result.returncode, result.stdout) == (2, "")
    (line,) = result.stderr.splitlines()
    assert line.startswith("midfill worker: the model '~nosuchuser/m' cannot be found: ")


def test_a_second_worker_says_that_there_is_one(directory: Path) -> None:
    listener = Listener(directory / "x.sock")
    result = run(f"--socket={directory}/x.sock", cwd=directory)
    listener.close()
    assert result.returncode == 1
    assert "already listens" in result.stderr


def test_a_missing_model_is_told_over_a_private_channel(directory: Path) -> None:
    ours, theirs = socket.socketpair()
    with theirs:
        process = subprocess.Popen(
            [
                sys.executable, "-P", "-m", "inference", f"--private-fd={theirs.fileno()}",
                "--model=/no/such/model", f"--log={directory}/log/worker.log",
            ],
            pass_fds=[theirs.fileno()], cwd=directory,
        )  # fmt: skip

    async def converse() -> Message:
        channel = await Channel.adopt(ours)
        await channel.send(Hello(PROTOCOL_VERSION, "test"))
        message = await receive(channel)
        if isinstance(message, Welcome):
            message = await receive(channel)
        await channel.close()
        return message

    error = asyncio.run(converse())
    assert isinstance(error, Error)
    assert error.code == "model"
    assert "/no/such/model" in error.message
    assert process.wait(GIVE_UP_S) == 2
    log = directory / "log" / "worker.log"
    assert "/no/such/model" in log.read_text()
    assert stat.S_IMODE(log.stat().st_mode) == 0o600


def test_terminate_removes_the_socket(directory: Path) -> None:
    path = directory / "x.sock"
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "inference", f"--socket={path}", f"--log={directory}/log"],
        cwd=directory,
    )
    asyncio.run(until(path.is_socket))
    process.send_signal(signal.SIGTERM)
    assert process.wait(GIVE_UP_S) == 0
    assert not path.exists()
