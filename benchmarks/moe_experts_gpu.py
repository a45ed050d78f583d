"""Experts for a few tokens on a GPU: is the Triton kernel right, how fast, and how near the memory's limit?

    python -m benchmarks.moe_experts_gpu [--json]

Prints a row per shape: the largest error against the reference in float32, the median time of the kernel and
of `kernels.eager` on the same inputs, and the weights read a second. Exits 1 where there is no GPU or an
answer is off.
"""

import argparse
import json
import statistics
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass

import torch

from kernels import eager, ops, reference
from kernels.ops import FEW_TOKENS

# name, d, I, E, k: Qwen3-30B-A3B, and a model of the size that ships.
MODELS = (("30B-A3B", 2048, 768, 128, 8), ("small", 256, 192, 16, 4))
TOKENS = (1, 2, 4, FEW_TOKENS)
RUNS = 50
# The kernel sums in float32 and rounds the answer once: half a unit in the last place of bf16.
RELATIVE_ERROR = 2**-8


@dataclass(frozen=True, slots=True)
class Row:
    """`error` is relative to the largest answer; `gb_s` counts the weights of each chosen expert once."""

    model: str
    tokens: int
    error: float
    triton_us: float
    eager_us: float
    gb_s: float


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="The Triton experts against the reference, on a GPU.")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of a table")
    options = parser.parse_args(arguments)
    if not torch.cuda.is_available():
        print("moe_experts_gpu: this benchmark needs a CUDA device, and torch sees none", file=sys.stderr)
        return 1
    rows = [measure(*model, tokens) for model in MODELS for tokens in TOKENS]
    if options.json:
        print(json.dumps({"device": torch.cuda.get_device_name(), "rows": [asdict(row) for row in rows]}))
    else:
        print(table(rows))
    wrong = [row for row in rows if row.error > RELATIVE_ERROR]
    if wrong:
        print(
            f"moe_experts_gpu: {len(wrong)} of {len(rows)} answers differ from the reference", file=sys.stderr
        )
    return 1 if wrong else 0


@torch.inference_mode()
def measure(model: str, d: int, inner: int, num_experts: int, k: int, tokens: int) -> Row:
    generator = torch.Generator("cuda").manual_seed(tokens)

    def normal(*shape: int) -> torch.Tensor:
        return torch.randn(shape, generator=generator, device="cuda", dtype=torch.bfloat16)

    x, gate_up, down = normal(tokens, d), normal(num_experts, 2 * inner, d), normal(num_experts, d, inner)
    gate_up *= d**-0.5
    down *= inner**-0.5
    weights, experts = reference.route(x, normal(num_experts, d), k, normalise=True)
    got = ops.moe_experts(x, gate_up, down, weights, experts).float()
    want = reference.moe_experts(x.float(), gate_up.float(), down.float(), weights, experts)
    triton_us = median_us(lambda: ops.moe_experts(x, gate_up, down, weights, experts))
    eager_us = median_us(lambda: eager.moe_experts(x, gate_up, down, weights, experts))
    num_bytes = len(torch.unique(experts)) * 3 * inner * d * x.element_size()
    error = float((got - want).abs().max() / want.abs().max())
    return Row(model, tokens, error, triton_us, eager_us, num_bytes / triton_us / 1e3)


def median_us(call: Callable[[], object]) -> float:
    """The median of RUNS calls in microseconds of the GPU's clock, the level-2 cache emptied before each."""
    cache = torch.empty(256 << 20, dtype=torch.uint8, device="cuda")
    times: list[float] = []
    for _ in range(RUNS):
        cache.zero_()
        start = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call] # torch's own
        end = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]
        start.record()
        call()
        end.record()
        end.synchronize()
        times.append(start.elapsed_time(end) * 1e3)
    return statistics.median(times)


def table(rows: list[Row]) -> str:
    lines = [
        "| model | tokens | error | Triton µs | eager µs | eager / Triton | GB/s |",
        "|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {r.model} | {r.tokens} | {r.error:.1e} | {r.triton_us:.1f} | {r.eager_us:.1f} "
        f"| {r.eager_us / r.triton_us:.1f} | {r.gb_s:.0f} |"
        for r in rows
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
