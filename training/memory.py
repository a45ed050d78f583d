"""How a run's process treats memory that it frees."""

import ctypes
import sys

_TRIM_THRESHOLD, _TOP_PAD, _MMAP_MAX = -1, -2, -4  # <malloc.h>


def keep_freed_memory() -> None:
    """Have malloc keep what it is given back for the next step, which needs as much again.

    Left alone, glibc maps every large tensor anew: 8% of the samples of a run of training/base.toml were the
    kernel's, handing out and clearing pages; with this 2%. Another C library goes on as before.
    """
    libc = ctypes.CDLL(None)
    if sys.platform == "linux" and hasattr(libc, "mallopt"):
        for parameter, value in ((_MMAP_MAX, 0), (_TRIM_THRESHOLD, 2**31 - 1), (_TOP_PAD, 256 << 20)):
            libc.mallopt(parameter, value)
