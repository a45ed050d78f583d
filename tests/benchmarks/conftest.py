import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.own_home import own_home

ROOT = Path(__file__).parents[2]


@pytest.fixture
def run() -> Iterator[Callable[..., subprocess.CompletedProcess[str]]]:
    """run("demo", "--model", path): `python -m benchmarks.demo --model path`, as a process, to its end."""
    with own_home() as environment:
        yield lambda name, *arguments: subprocess.run(
            [sys.executable, "-m", f"benchmarks.{name}", *arguments],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
