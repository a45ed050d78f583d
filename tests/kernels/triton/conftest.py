"""Triton's tests run on a GPU, or where there is none under Triton's interpreter (TRITON_INTERPRET=1).

The interpreter has to be chosen before Triton is first imported, by this process and for good. So a plain run
on a machine without a GPU leaves this folder alone, and `tests/kernels/test_triton.py` runs it in a process
of its own.
"""

import os

import pytest
import torch

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
INTERPRETED = os.environ.get("TRITON_INTERPRET") == "1"

collect_ignore_glob = [] if INTERPRETED or DEVICE == "cuda" else ["test_*.py"]


@pytest.fixture
def device() -> str:
    return "cpu" if INTERPRETED else DEVICE
