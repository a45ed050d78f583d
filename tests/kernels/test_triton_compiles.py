"""The kernels through Triton's compiler for an H100: no GPU needed, and stricter than the interpreter."""

from pathlib import Path

import pytest
import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

from kernels.triton import moe_experts

H100 = GPUTarget("cuda", 90, 32)
DIVISIBLE = [["tt.divisibility", 16]]
ARGUMENTS = {
    "_gate_up": ("x", "gate_up", "experts", "hidden", "d", "inner"),
    "_down": ("hidden", "down", "weights", "experts", "out", "d", "inner"),
}
FIXED = {"experts": "*i64", "hidden": "*fp32", "weights": "*fp32", "d": "i32", "inner": "i32"}


def compiled(kernel: str, dtype: str, ones: tuple[str, ...] = (), divisible: bool = True) -> str:
    """The PTX for arguments of this dtype; `ones` are sizes of 1, which a launch makes constants."""
    names = ARGUMENTS[kernel]
    constants = {"K": 8, "ROWS": moe_experts.TILE_ROWS, "COLUMNS": moe_experts.TILE_COLUMNS}
    constants |= dict.fromkeys(ones, 1)
    signature = {name: FIXED.get(name, f"*{dtype}") for name in names}
    source = ASTSource(
        fn=getattr(moe_experts, kernel),
        signature=signature | dict.fromkeys(constants, "constexpr"),
        constexprs=constants,
        attrs={(i,): DIVISIBLE for i, name in enumerate(names) if divisible and name not in ones},
    )
    options = {"num_warps": moe_experts.LAUNCH["num_warps"], "enable_fp_fusion": True}
    return str(triton.compile(source, target=H100, options=options).asm["ptx"])


@pytest.fixture(autouse=True)
def cold_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))


@pytest.mark.parametrize("kernel", list(ARGUMENTS))
@pytest.mark.parametrize("dtype", ["bf16", "fp16", "fp32"])
def test_weights_are_read_sixteen_bytes_at_a_time(kernel: str, dtype: str) -> None:
    assert "ld.global.v4.b32" in compiled(kernel, dtype)


@pytest.mark.parametrize("kernel", list(ARGUMENTS))
def test_odd_sizes_compile(kernel: str) -> None:
    assert "ld.global" in compiled(kernel, "bf16", divisible=False)
    assert "ld.global" in compiled(kernel, "bf16", ones=("d", "inner"))
