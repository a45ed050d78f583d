"""Builds and loads training/native: matrix products in AMX tiles, fused with what surrounds them.

The library is compiled for the machine it runs on, by `c++`, when it is first asked for, and kept in the
user's cache under a name that says what it was made of.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import shutil
import subprocess
import tempfile
from functools import lru_cache
from pathlib import Path

import torch
from torch import Tensor

from kernels import cpu

_SOURCES = Path(__file__).with_name("native")
_SHARED = Path(cpu.__file__).parent  # headers that the engine has too
_FLAGS = ("-std=c++17", "-O3", "-march=native", "-fno-strict-aliasing", "-fPIC", "-shared", "-pthread")
_NEEDED = ("amx_tile", "amx_bf16", "avx512_bf16")
MULTIPLE = 32
"""Every dimension of a matrix is a multiple of this."""
VOCABULARY_MULTIPLE = 256


class Experts(ctypes.Structure):
    _fields_ = [
        *((name, ctypes.c_void_p) for name in ("x", "gate_up", "down", "order", "ends", "hidden")),
        *((name, ctypes.c_size_t) for name in ("tokens", "k", "d", "i", "experts")),
    ]


class Attention(ctypes.Structure):
    _fields_ = [
        *((name, ctypes.c_void_p) for name in ("q", "k", "v", "out", "normaliser")),
        *((name, ctypes.c_size_t) for name in ("batch", "length", "h", "g", "c")),
    ]


class CrossEntropy(ctypes.Structure):
    _fields_ = [
        *((name, ctypes.c_void_p) for name in ("x", "head", "targets", "weights", "grad_x", "grad_head")),
        *((name, ctypes.c_size_t) for name in ("count", "depth", "vocabulary")),
    ]


def missing() -> str | None:
    """What this machine lacks to run the library, or None."""
    try:
        flags = Path("/proc/cpuinfo").read_text().split()
    except OSError:
        return "/proc/cpuinfo, which cannot be read"
    if absent := [name for name in _NEEDED if name not in flags]:
        return f"{absent[0]}, which this CPU does not have"
    return None if shutil.which("c++") else "c++, a compiler, which is not installed"


@lru_cache(maxsize=1)
def library() -> ctypes.CDLL:
    """The library, with as many threads as torch has.

    Raises:
        RuntimeError: this machine cannot run it (`missing`), or the compiler failed; the message says why.
    """
    if lacks := missing():
        raise RuntimeError(f"native kernels need {lacks}")
    loaded = ctypes.CDLL(str(_built()))
    loaded.midfill_begin.restype = ctypes.c_bool
    loaded.midfill_cross_entropy.restype = ctypes.c_double
    if not loaded.midfill_begin(torch.get_num_threads()):
        raise RuntimeError("native kernels: the system does not permit the use of AMX tiles")
    return loaded


def _built() -> Path:
    processor = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("flags")][
        :1
    ]
    digest = hashlib.blake2b(" ".join((*_FLAGS, *processor)).encode(), digest_size=12)
    for source in (*sorted(_SOURCES.iterdir()), *sorted(_SHARED.glob("*.h"))):
        digest.update(source.read_bytes())
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "midfill"
    path = cache / f"training-{digest.hexdigest()}.so"
    if path.exists():
        return path
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as folder:
        made = Path(folder) / path.name
        command = ["c++", *_FLAGS, f"-I{_SHARED}", str(_SOURCES / "library.cpp"), "-o", str(made)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"native kernels: {' '.join(command)}\n{done.stderr}")
        made.replace(path)
    return path


def address(tensor: Tensor, shape: tuple[int, ...], dtype: torch.dtype = torch.bfloat16) -> ctypes.c_void_p:
    """Where the values of a contiguous CPU tensor begin.

    Raises:
        ValueError: it has another shape or dtype, or lies otherwise.
    """
    if tuple(tensor.shape) != shape or tensor.dtype != dtype:
        raise ValueError(f"wanted {shape} {dtype}, not {tuple(tensor.shape)} {tensor.dtype}")
    if tensor.device.type != "cpu" or not tensor.is_contiguous():
        raise ValueError("wanted a contiguous tensor in main memory")
    return ctypes.c_void_p(tensor.data_ptr())
