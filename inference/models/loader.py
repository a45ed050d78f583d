"""Weights from a checked checkpoint into the parameters of a model."""

from __future__ import annotations

from itertools import groupby
from operator import attrgetter
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open

from inference.model import ModelError
from inference.models.checkpoint import checked_entries, slots
from inference.models.config import Qwen3MoeConfig
from inference.models.qwen3_moe import Qwen3Moe


def load_weights(
    directory: Path, config: Qwen3MoeConfig, device: torch.device, dtype: torch.dtype
) -> Qwen3Moe:
    """A model whose every parameter comes from the checkpoint in `directory`, converted to `dtype`.

    Raises:
        ModelError: the checkpoint does not fit the config (found before anything is allocated), cannot be
            read, holds what is no number, or does not fit into memory.
    """
    entries = checked_entries(directory, config)
    try:
        model = Qwen3Moe(config, device, dtype)
    except (RuntimeError, MemoryError) as error:  # torch.OutOfMemoryError is a RuntimeError
        raise ModelError(f"{directory}: no room for the model on {device}: {error}") from error
    by_file = sorted(slots(config), key=lambda slot: str(entries[slot.name].file))
    try:
        with torch.no_grad():
            for file, group in groupby(by_file, key=lambda slot: entries[slot.name].file):
                with safe_open(file, framework="pt", device="cpu") as tensors:
                    for slot in group:
                        target: torch.Tensor = attrgetter(slot.target)(model)
                        part = target if slot.expert is None else target[slot.expert]
                        rows = part[slot.row : slot.row + slot.shape[0]]
                        rows.copy_(tensors.get_tensor(slot.name))
                        if not rows.isfinite().all():
                            raise ModelError(
                                f"{file}: {slot.name} holds values that are infinite or no numbers"
                            )
    except (OSError, SafetensorError) as error:
        raise ModelError(f"{directory}: {error}") from error
    return model.requires_grad_(False).eval()
