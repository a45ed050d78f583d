"""The native forward pass on a CPU: the same C++ built once for each instruction set.

Which of them this machine runs is read from the processor's flags; `MIDFILL_ISA` in the environment, or an
argument, names another. Nothing here needs torch.
"""

from __future__ import annotations

import ctypes
import os
import platform
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from kernels.cpu.interface import Native

VARIABLE = "MIDFILL_ISA"
# Fastest first, with the flags that /proc/cpuinfo must have.
_AVX2 = {"avx2", "fma", "f16c"}
_AVX512 = _AVX2 | {"avx512f", "avx512bw", "avx512dq", "avx512vl"}
_TILES = {"amx_tile", "amx_bf16"}
_NEEDED = {
    "amx": _AVX512 | _TILES | {"avx512_vnni", "avx512_bf16"},
    "avx512_vnni": _AVX512 | {"avx512_vnni"},
    "avx512": _AVX512,
    "avx_vnni": _AVX2 | {"avx_vnni"},
    "avx2": _AVX2,
    "portable": set[str](),
}
INSTRUCTION_SETS = tuple(_NEEDED)


class NativeError(Exception):
    """There is no native forward pass for this machine, or none as asked for; the text says why."""


def available() -> tuple[str, ...]:
    """The instruction sets that were built and that this processor has, fastest first; () without a build."""
    flags = _processor_flags()
    return tuple(
        name
        for name, needed in _NEEDED.items()
        if needed <= flags and find_spec(f"kernels.cpu._{name}") is not None
    )


def native(instruction_set: str | None = None) -> Native:
    """The native module for `instruction_set`; without one as the environment says, or the fastest.

    Raises:
        NativeError: it is not known, was not built, or is not this processor's.
    """
    name = instruction_set or os.environ.get(VARIABLE) or next(iter(available()), "portable")
    if name not in _NEEDED:
        raise NativeError(f"{name}: no such instruction set; there are {', '.join(INSTRUCTION_SETS)}")
    if missing := sorted(_NEEDED[name] - _processor_flags()):
        raise NativeError(f"{name}: this processor has no {missing[0]}")
    try:
        return cast("Native", import_module(f"kernels.cpu._{name}"))
    except ImportError as error:
        raise NativeError(
            f"the native engine is not there ({error}): install midfill from a wheel, or with a C++ compiler"
        ) from error


@cache
def _processor_flags() -> frozenset[str]:
    if platform.machine() not in ("x86_64", "AMD64"):
        return frozenset()
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return frozenset()
    flags = next((line.split(":", 1)[1].split() for line in lines if line.startswith("flags")), [])
    return frozenset(flags if _TILES.isdisjoint(flags) or _may_use_tiles() else set(flags) - _TILES)


def _may_use_tiles() -> bool:
    """Whether Linux lets this process have tiles: it keeps their 8 KiB of state for those alone that ask
    (Documentation/arch/x86/xstate.rst)."""
    arch_prctl, request_permission, tile_data = 158, 0x1023, 18
    refused: int = ctypes.CDLL(None).syscall(arch_prctl, request_permission, tile_data)
    return refused == 0
