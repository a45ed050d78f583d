"""Runs `tests/kernels/triton` under Triton's interpreter, in a process of its own (see its conftest)."""

import os
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).parent / "triton"


def test_kernels_pass_under_the_interpreter() -> None:
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(FOLDER)],
        env={**os.environ, "TRITON_INTERPRET": "1"},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert " passed" in run.stdout
