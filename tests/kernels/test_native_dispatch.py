"""Which native module is taken, by the processor's flags and by what Linux lets the process have."""

from __future__ import annotations

import subprocess
import sys

import pytest

from kernels import cpu

PROBE = """
import ctypes, kernels.cpu as cpu
class Refusing:
    def syscall(self, *numbers):
        assert numbers == (158, 0x1023, 18)
        return -1
ctypes.CDLL = lambda name: Refusing()
print(*cpu.available())
"""


def test_tiles_that_linux_refuses_are_not_there() -> None:
    ran = subprocess.run([sys.executable, "-c", PROBE], capture_output=True, text=True, check=True)
    assert ran.stdout.split() == [name for name in cpu.available() if name != "amx"]


def test_what_the_processor_lacks_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cpu, "_processor_flags", lambda: frozenset({"avx2", "fma", "f16c"}))
    assert set(cpu.available()) <= {"avx2", "portable"}
    with pytest.raises(cpu.NativeError, match="amx: this processor has no amx_bf16"):
        cpu.native("amx")


def test_every_instruction_set_has_a_module_of_its_own() -> None:
    names = [cpu.native(name).__name__ for name in cpu.available()]
    assert names == [f"kernels.cpu._{name}" for name in cpu.available()]
