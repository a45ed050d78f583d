"""Weights from a checked checkpoint into the parameters of a model that torch computes."""

from __future__ import annotations

from operator import attrgetter
from pathlib import Path

import torch

from inference.model import ModelError
from inference.models.checkpoint import checked_entries, slots
from inference.models.config import Qwen3MoeConfig
from inference.models.qwen3_moe import Qwen3Moe
from inference.models.tensor_entry import TensorEntry

_DTYPES = {"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}


def load_weights(path: Path, config: Qwen3MoeConfig, device: torch.device, dtype: torch.dtype) -> Qwen3Moe:
    """A model whose every parameter comes from the checkpoint at `path`, converted to `dtype`.

    Raises:
        ModelError: the checkpoint does not fit the config (found before anything is allocated), cannot be
            read, holds what is no number, or does not fit into memory.
    """
    entries = checked_entries(path, config)
    try:
        model = Qwen3Moe(config, device, dtype)
    except (RuntimeError, MemoryError) as error:  # torch.OutOfMemoryError is a RuntimeError
        raise ModelError(f"{path}: no room for the model on {device}: {error}") from error
    with torch.no_grad():
        for slot in slots(config):
            tensor = _read(entries[slot.name])
            target: torch.Tensor = attrgetter(slot.target)(model)
            part = target if slot.expert is None else target[slot.expert]
            part[slot.row : slot.row + slot.shape[0]].copy_(tensor)
    return model.requires_grad_(False).eval()


def _read(entry: TensorEntry) -> torch.Tensor:
    """In the dtype of the file; what is quantised in float32."""
    dtype = _DTYPES.get(entry.dtype)
    if dtype is None:
        return torch.from_numpy(entry.float32())
    tensor = torch.frombuffer(bytearray(entry.read()), dtype=dtype).reshape(entry.shape)
    if not torch.isfinite(tensor).all():
        raise entry.not_finite()
    return tensor
