"""Two processes compute what one does, go on where they stood, and end together."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from torch import Tensor

from tests.training.tiny_run import RECIPE, ROW, new_run, write_rows
from training.ranks import Ranks, joined
from training.train import load_checkpoint

TRAIN = ("-m", "training.train", "--device", "cpu", "--kernels", "torch", "--eager")
TORCHRUN = (sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"}
DEADLINE = 300  # seconds, for two processes that import torch on a busy machine
STEPS = 6


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_rows(tmp_path_factory.mktemp("data"))


def options(folder: Path, data: Path, steps: float) -> list[str]:
    recipe = folder.with_suffix(".toml")
    recipe.write_text(RECIPE)
    return [
        *TRAIN, "--recipe", str(recipe), "--data", str(data), "--run-folder", str(folder),
        "--tokens", str(steps * 4 * ROW),
    ]  # fmt: skip


def torchrun(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*TORCHRUN, *arguments], env=ENVIRONMENT, capture_output=True, text=True, timeout=DEADLINE
    )


def distance(a: Tensor, b: Tensor) -> float:
    return float((a - b).norm() / b.norm())


def test_two_processes_take_the_steps_of_one_and_go_on(tmp_path: Path, data: Path) -> None:
    one = new_run(tmp_path / "one", data, STEPS)
    losses = [one.train_step()["loss"]]
    expected = {name: tensor.clone() for name, tensor in one.optimizer.state().items()}

    arguments = options(tmp_path / "two", data, STEPS)
    ended = torchrun(*arguments, "--minutes", "0")
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.count("step 0 of 6; 2 x cpu") == 1
    state = load_checkpoint(tmp_path / "two")
    assert int(state["step"]) == 1
    # After one step the moments are the gradients, times a constant; bfloat16 rounds them by 2**-9. Were the
    # mean of each process averaged instead, they would be off by 0.05 and 0.3.
    for name in ("adam.first", "muon.momentum"):
        assert distance(state[name], expected[name]) < 0.01
    assert distance(state["muon.master"], expected["muon.master"]) < 0.01

    losses += [one.train_step()["loss"] for _ in range(1, STEPS)]
    ended = torchrun(*arguments)
    assert ended.returncode == 0, ended.stderr
    assert "step 1 of 6; 2 x cpu" in ended.stdout
    assert ended.stdout.count("step 6/6") == 1
    log = (tmp_path / "two" / "log.jsonl").read_text().splitlines()
    assert len(log) == 1

    found = json.loads(log[0])
    assert found["tokens"] == STEPS * 4 * ROW
    # The mean of the steps since it went on. Updates of bfloat16 matrices drift apart by their rounding.
    assert found["loss"] == pytest.approx(sum(losses[1:]) / (STEPS - 1), rel=0.01)
    held_out = one.held_out_losses()
    assert set(found["held_out"]) == set(held_out)
    for kind, loss in held_out.items():
        assert found["held_out"][kind] == pytest.approx(loss, rel=0.01)


@contextmanager
def endless_pair(folder: Path, data: Path) -> Iterator[list[subprocess.Popen[str]]]:
    """Two processes of a run that have taken some steps, started as torchrun starts them."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    processes = [
        subprocess.Popen(
            [sys.executable, *options(folder, data, 1e9)],
            env={
                **ENVIRONMENT, "RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": "2",
                "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port),
            },
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for rank in range(2)
    ]  # fmt: skip
    try:
        deadline = time.monotonic() + DEADLINE
        while not ((folder / "log.jsonl").exists() and (folder / "log.jsonl").stat().st_size):
            assert time.monotonic() < deadline
            assert all(process.poll() is None for process in processes)
            time.sleep(0.1)
        yield processes
    finally:
        for process in processes:
            process.kill()
            process.communicate()


def test_a_signal_to_one_process_ends_both_after_the_same_step(tmp_path: Path, data: Path) -> None:
    with endless_pair(tmp_path / "run", data) as (first, second):
        second.send_signal(signal.SIGTERM)
        printed = [process.communicate(timeout=DEADLINE) for process in (first, second)]
        assert (first.returncode, second.returncode) == (0, 0), printed
    assert "tokens/s" in printed[0][0]
    assert printed[1][0] == "", "one speaks for both"
    assert new_run(tmp_path / "run", data, 10).step >= 20


def test_a_process_that_dies_ends_the_other(tmp_path: Path, data: Path) -> None:
    with endless_pair(tmp_path / "run", data) as (first, second):
        second.kill()
        assert first.wait(timeout=DEADLINE) == 1


def test_one_process_joins_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RANK", "LOCAL_RANK", "WORLD_SIZE"):
        monkeypatch.delenv(name, raising=False)
    with joined("cpu") as ranks:
        assert (ranks.rank, ranks.count, ranks.first) == (0, 1, True)
        tensor = torch.ones(3)
        ranks.add(tensor)
        ranks.wait()
        assert (ranks.any(True), ranks.any(False)) == (True, False)
        assert torch.equal(tensor, torch.ones(3))
        assert ranks.placed(tensor) is tensor
    assert not torch.distributed.is_initialized()
    assert not Ranks(rank=1, count=2).first


def test_a_gpu_that_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setenv("LOCAL_RANK", "2")
    with pytest.raises(SystemExit, match="no GPU 2: torch sees 2"), joined("cuda"):
        raise AssertionError("not reached")
