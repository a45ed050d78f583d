"""Freed memory is kept. In a process of its own, since it stays so."""

import subprocess
import sys

import pytest

_PROGRAM = """
import resource, sys, torch
from training.memory import keep_freed_memory

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    torch.ones(16 << 20)  # 64 MiB
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

keep_freed_memory()
faults()
print(faults())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's malloc")
def test_memory_of_one_step_serves_the_next() -> None:
    done = subprocess.run([sys.executable, "-c", _PROGRAM], capture_output=True, text=True, check=True)
    # Pages of 4 KiB would be 16,384 faults, large ones 32.
    assert int(done.stdout) < 16
