"""A model directory, or a GGUF file, to a model that torch computes."""

from __future__ import annotations

from pathlib import Path

import torch

from inference.model import ModelError
from inference.models.config import Qwen3MoeConfig
from inference.models.loader import load_weights
from inference.models.torch_model import TorchModel


def torch_model(directory: Path, config: Qwen3MoeConfig, name: str, device: str, threads: int) -> TorchModel:
    """The checkpoint on "cpu" (float32, `threads` threads), "cuda", or with "auto" on a GPU if there is one.

    Raises:
        ModelError: naming the file and what is wrong with it, before weights are allocated; or the device.
    """
    if device == "cuda" and not torch.cuda.is_available():
        raise ModelError("device cuda was asked for, but torch sees no GPU")
    target = torch.device("cuda" if device != "cpu" and torch.cuda.is_available() else "cpu")
    dtype: torch.dtype = torch.float32 if target.type == "cpu" else getattr(torch, config.dtype)
    network = load_weights(directory, config, target, dtype)
    if target.type == "cpu":
        torch.set_num_threads(threads)
    return TorchModel(network, name)
