"""How near decoding comes to the rate at which this machine reads memory.

    python -m benchmarks.bandwidth [--model DIRECTORY] [--precision bf16|int8|int4] [--threads N] [--json]

A token's weights (all but the experts that the router leaves out) are read from memory once, if the model
is larger than the caches: so their bytes over the time of a token are a rate, which cannot be above the one
at which as many threads read a large array and do nothing else. The two are measured in turns. Needs `c++`.

Without --model it is a model of random weights, 336M parameters of which a token reads 78M: 156 MB in bf16.
Keys and values are not counted, which are a thousandth of that behind so few tokens.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.keystroke import machine
from benchmarks.random_model import write_random_model
from benchmarks.turns import Spread, in_turns
from inference.model import Chunk, ModelError
from inference.models.config import Qwen3MoeConfig
from inference.models.description import describe
from inference.models.native_model import NativeModel
from inference.models.native_weights import Tensors, native_weights
from kernels.cpu import NativeError, native
from kernels.cpu.interface import Format

SHAPE = {
    "hidden_size": 1024, "num_hidden_layers": 12, "num_attention_heads": 16, "num_key_value_heads": 4,
    "head_dim": 64, "num_experts": 16, "num_experts_per_tok": 2, "moe_intermediate_size": 512,
}  # fmt: skip
PRECISIONS: tuple[Format, ...] = ("bf16", "int8", "int4")
READ_BYTES = 1 << 30
"""Of the array, and more than any cache."""
TOKENS = 24
BAR = 0.8
_SOURCE = Path(__file__).parent / "native" / "read.cpp"
_FLAGS = ("-std=c++17", "-O3", "-march=native", "-fPIC", "-shared")


@dataclass(frozen=True, slots=True)
class Report:
    """Rates in gigabytes (10^9) a second; `share` is of the read rate, turn by turn."""

    machine: str
    precision: str
    threads: int
    token_mb: float
    decode_gb_s: Spread
    read_gb_s: Spread
    share: Spread


def main(arguments: list[str] | None = None) -> int:
    options = _parse(arguments)
    try:
        with tempfile.TemporaryDirectory(prefix="mf") as folder:
            directory = options.model
            if directory is None:
                directory = Path(folder) / "random"
                directory.mkdir()
                write_random_model(directory, SHAPE)
            report = measure(directory, options.precision, options.threads, options.rounds, Path(folder))
    except (ModelError, NativeError, OSError) as error:
        print(f"bandwidth: {error}", file=sys.stderr)
        return 1
    print(json.dumps(asdict(report)) if options.json else table(report))
    return 0


def measure(directory: Path, precision: Format, threads: int, rounds: int, folder: Path) -> Report:
    """Decode and read in turns; the compiled reader is put into `folder`. Raises ModelError, NativeError."""
    described = describe(directory)
    model = NativeModel(directory, described.config, described.card.name, threads, precision=precision)
    weights = native_weights(directory, described.config, model.context_length, native(), precision)
    size = token_bytes(weights, described.config)
    array = np.ones(READ_BYTES // 8, np.uint64)
    with ThreadPoolExecutor(threads) as pool:
        measures = {"decode": lambda: decode_s(model), "read": reader(array, threads, pool, folder)}
        taken = in_turns(measures, rounds)
    decode = [size / seconds / 1e9 for seconds in taken["decode"]]
    read = [array.nbytes / seconds / 1e9 for seconds in taken["read"]]
    share = [ours / most for ours, most in zip(decode, read, strict=True)]
    return Report(
        machine(), precision, threads, size / 1e6, Spread.of(decode), Spread.of(read), Spread.of(share)
    )


def token_bytes(weights: Tensors, config: Qwen3MoeConfig) -> float:
    """Bytes of weights that the step of one token reads: of the experts only those that the router chooses,
    of the embedding one row, unless it is the head too."""
    size = 0.0
    for name, tensor in weights.items():
        leaf = name.rpartition(".")[2]
        if leaf in ("gate_up", "down"):
            size += tensor.nbytes * config.experts_per_token / config.num_experts
        elif leaf in ("cos", "sin"):
            size += tensor.nbytes / len(tensor)
        elif leaf == "embedding" and not config.tie_word_embeddings:
            size += tensor.nbytes / config.vocab_size
        else:
            size += tensor.nbytes
    return size


def decode_s(model: NativeModel) -> float:
    """Seconds a token. The tokens are drawn anew, so that other experts are asked than the time before."""
    sequence, rng = model.new_sequence(), random.Random()
    model.forward([Chunk(sequence, [0])])
    started = time.perf_counter()
    for _ in range(TOKENS):
        model.forward([Chunk(sequence, [rng.randrange(model.vocab_size)])])
    return (time.perf_counter() - started) / TOKENS


def reader(
    array: npt.NDArray[np.uint64], threads: int, pool: ThreadPoolExecutor, folder: Path
) -> Callable[[], float]:
    """What reads the array once, a part in each thread, and returns the seconds. Raises OSError."""
    read = compiled(folder)
    words = len(array) // threads // 64 * 64
    starts = [array.ctypes.data + 8 * words * number for number in range(threads)]

    def seconds() -> float:
        started = time.perf_counter()
        found = list(pool.map(lambda start: read(start, words), starts))
        took = time.perf_counter() - started
        if found != [1] * threads:
            raise OSError(f"{_SOURCE.name} read {found}")
        return took

    return seconds


def compiled(folder: Path) -> Callable[[int, int], int]:
    """`midfill_read`, which lets other Python threads run meanwhile. Raises OSError."""
    if (compiler := shutil.which("c++")) is None:
        raise OSError("c++ is not installed; it compiles what reads memory")
    made = folder / "read.so"
    done = subprocess.run([compiler, *_FLAGS, str(_SOURCE), "-o", str(made)], capture_output=True, text=True)
    if done.returncode:
        raise OSError(f"{_SOURCE.name} does not compile:\n{done.stderr}")
    read = ctypes.CDLL(str(made)).midfill_read
    read.argtypes, read.restype = (ctypes.c_void_p, ctypes.c_size_t), ctypes.c_uint64
    found: Callable[[int, int], int] = read
    return found


def table(report: Report) -> str:
    """As Markdown."""
    return "\n".join([
        f"{report.machine}; threads: {report.threads}; {report.precision}, {report.token_mb:.0f} MB a token",
        "",
        "| | median (least–greatest) |",
        "|---|---:|",
        f"| weights read while decoding, GB/s | {report.decode_gb_s} |",
        f"| reading alone, GB/s | {report.read_gb_s} |",
        f"| share (bar: {BAR:.0%} or more) | {report.share} |",
    ])  # fmt: skip


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bandwidth")
    parser.add_argument("--model", type=Path, help="a checkpoint or GGUF file (default: random weights)")
    parser.add_argument("--precision", choices=PRECISIONS, default="bf16")
    parser.add_argument("--threads", type=int, default=2, help="of each side (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=7, help="of turns (default: %(default)s)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
