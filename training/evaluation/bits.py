"""Bits per byte: what a checkpoint makes of held-out files, left to right."""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path

import torch
import torch.nn.functional as F

from inference.models.config import Qwen3MoeConfig
from inference.models.loader import load_weights
from inference.tokenizer import Tokenizer
from training.network import TrainingNetwork
from training.tokenizer import FILE_SEP


@torch.inference_mode()
def bits_per_byte(
    directory: Path, tokenizer: Tokenizer, texts: Iterable[str], max_tokens: int, row: int
) -> float:
    """Over `texts`, until there were `max_tokens`, in windows as long as training rows, each without context.

    Raises:
        ModelError: naming the file of the checkpoint and what is wrong with it.
        ValueError: there is no text.
    """
    config = Qwen3MoeConfig.from_file(directory / "config.json")
    weights = load_weights(directory, config, torch.device("cpu"), torch.float32)
    network = TrainingNetwork(weights, compiled=False)
    bits, size, tokens = 0.0, 0, 0
    for text in texts:
        ids = tokenizer.encode(text)
        for start in range(0, len(ids), row - 1):
            window = torch.tensor(ids[start : start + row - 1])
            inputs = torch.cat([torch.tensor([FILE_SEP]), window[:-1]])
            logits = weights.logits(network.hidden(inputs[None])[0][0])
            bits += float(F.cross_entropy(logits, window, reduction="sum")) / math.log(2)
        size += len(text.encode())
        tokens += len(ids)
        if tokens >= max_tokens:
            break
    if not size:
        raise ValueError("no text to measure")
    return bits / size
