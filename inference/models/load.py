"""A model directory, or a GGUF file, to something the engine can run: native code on a CPU, torch on a GPU.

torch is imported only where it computes: on a GPU, on a CPU without the native modules, or if asked for.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Literal, get_args

from inference.card import Card
from inference.model import Model, ModelError
from inference.models.config import Qwen3MoeConfig
from inference.models.description import describe
from inference.models.native_model import NativeModel, why_not_native
from inference.rendezvous import PRECISIONS
from inference.tokenizer import Tokenizer
from kernels.cpu import NativeError, available
from kernels.cpu.interface import Format

log = logging.getLogger(__name__)

Device = Literal["auto", "cpu", "cuda"]
Backend = Literal["auto", "native", "torch"]
SHIPPED = Path(__file__).parent.parent / "weights"
MAX_THREADS = 8
"""On a CPU: half of its cores and no more than these. Threads of one operation wait for each other, and where
other work has the cores they wait long: beside one busy process on 2 cores, 2 threads took 20 times as long
for a token as 1. An editor and its compilers are always busy."""
AUTO: Format = "bf16"
"""What "auto" is in the native engine: docs/performance/precision.md."""
_GPU = Path("/dev/nvidiactl")
"""There where a driver is. To ask torch instead costs more than a second of import."""


def load(
    path: Path | None = None, device: str = "auto", backend: Backend = "auto", precision: str = "auto"
) -> tuple[Model, Tokenizer, Card]:
    """Load a Hugging Face checkpoint directory or a GGUF file, or with None the model that ships.

    Args:
        device: "auto" takes a GPU where there is one; else "cpu" or "cuda".
        backend: what computes; "auto" is native code on a CPU, if it was built and takes this model's
            dimensions, and torch otherwise.
        precision: of the native engine's matrices, one of PRECISIONS. torch has no int8 or int4, and takes
            float32 on a CPU.

    Raises:
        ModelError: naming the file and what is wrong with it, before weights are allocated; or the device,
            or what is not installed.
    """
    if device not in get_args(Device):
        raise ModelError(f"device must be auto, cpu or cuda, not {device!r}")
    if precision not in PRECISIONS:
        raise ModelError(f"precision must be one of {', '.join(PRECISIONS)}, not {precision!r}")
    directory = SHIPPED if path is None else path
    described = describe(directory)
    config, card = described.config, described.card
    threads = max(1, min(len(os.sched_getaffinity(0)) // 2, MAX_THREADS))
    if device == "cuda" and backend == "native":
        raise ModelError("the native engine is for the CPU; a GPU needs torch")
    on_cpu = device == "cpu" or (device == "auto" and not _GPU.exists())
    if backend == "native" or (backend == "auto" and on_cpu and _takes(config)):
        model = _native(directory, config, card.name, threads, packed_format(precision))
    elif precision in ("int8", "int4"):
        raise ModelError(
            f"{precision} is a precision of the native engine, and torch computes here: use auto"
        )
    else:
        model = _torch(directory, config, card.name, device, threads)
    return model, described.tokenizer, card


def packed_format(precision: str) -> Format:
    """One of PRECISIONS as the native engine understands it."""
    formats: dict[str, Format] = {"auto": AUTO, "bf16": "bf16", "int8": "int8", "int4": "int4"}
    return formats[precision]


def _takes(config: Qwen3MoeConfig) -> bool:
    """Whether native code can compute a model like this here; if not the log says why."""
    reason = why_not_native(config) if available() else "its modules were not built"
    if reason:
        log.info("torch computes instead of the native engine: %s", reason)
    return reason is None


def _native(directory: Path, config: Qwen3MoeConfig, name: str, threads: int, precision: Format) -> Model:
    try:
        return NativeModel(directory, config, name, threads, precision=precision)
    except NativeError as error:
        raise ModelError(str(error)) from error


def _torch(directory: Path, config: Qwen3MoeConfig, name: str, device: str, threads: int) -> Model:
    try:
        from inference.models.load_torch import torch_model
    except ImportError as error:
        raise ModelError(f"{error}: this needs torch; pip install 'midfill[torch]'") from error
    return torch_model(directory, config, name, device, threads)
