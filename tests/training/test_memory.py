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
print(sum(faults() for _ in range(40)))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's malloc")
def test_memory_of_one_step_serves_the_next() -> None:
    done = subprocess.run([sys.executable, "-c", _PROGRAM], capture_output=True, text=True, check=True)
    # Mapped anew each would be 40 times 16,384 pages; where a piece lies is settled after a few.
    assert int(done.stdout) < 20 * 16_384
