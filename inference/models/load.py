"""A model directory to something the engine can run."""

from __future__ import annotations

import os
from pathlib import Path

import torch

from inference.card import Card
from inference.model import ModelError
from inference.models.config import Qwen3MoeConfig
from inference.models.description import describe
from inference.models.loader import load_weights
from inference.models.torch_model import TorchModel
from inference.tokenizer import Tokenizer

SHIPPED = Path(__file__).parent.parent / "weights"
MAX_THREADS = 8
"""On a CPU: half of its cores and no more than these. Threads of one operation wait for each other, and where
other work has the cores they wait long: beside one busy process on 2 cores, 2 threads took 20 times as long
for a token as 1. An editor and its compilers are always busy."""


def load(path: Path | None = None, device: str = "auto") -> tuple[TorchModel, Tokenizer, Card]:
    """Load a Hugging Face checkpoint directory, or with None the model that ships.

    Args:
        device: "auto" takes a GPU where torch sees one; else "cpu" or "cuda".

    Raises:
        ModelError: naming the file and what is wrong with it, before weights are allocated; or the device.
    """
    directory = SHIPPED if path is None else path
    target = _device(device)
    described = describe(directory)
    config, card = described.config, described.card
    network = load_weights(directory, config, target, _dtype(config, target))
    if target.type == "cpu":
        torch.set_num_threads(max(1, min(len(os.sched_getaffinity(0)) // 2, MAX_THREADS)))
    return TorchModel(network, card.name), described.tokenizer, card


def _device(name: str) -> torch.device:
    if name not in ("auto", "cpu", "cuda"):
        raise ModelError(f"device must be auto, cpu or cuda, not {name!r}")
    if name == "cuda" and not torch.cuda.is_available():
        raise ModelError("device cuda was asked for, but torch sees no GPU")
    return torch.device("cuda" if name != "cpu" and torch.cuda.is_available() else "cpu")


def _dtype(config: Qwen3MoeConfig, device: torch.device) -> torch.dtype:
    """The checkpoint's own on a GPU; float32 on a CPU."""
    stored: torch.dtype = getattr(torch, config.dtype)
    return torch.float32 if device.type == "cpu" else stored
