"""A checkpoint's tensors as the native forward pass reads them. Needs no torch."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from inference.model import ModelError
from inference.models.checkpoint import checked_entries
from inference.models.config import Qwen3MoeConfig
from inference.models.packed_cache import Origin, packed_arrays
from inference.models.packed_file import Array
from inference.models.rope import rotation
from inference.models.tensor_entry import Bits, TensorEntry, rounded
from kernels.cpu.interface import Format, Native

Tensors = dict[str, Array]
Rows = Bits | npt.NDArray[np.float32]
_BESIDE_EXPERTS: dict[Format, Format] = {"bf16": "bf16", "int8": "int8", "int4": "int8"}
"""The format of attention, embedding and head. In int4 they cost 3.6% of perplexity of the model that ships,
all of its experts 0.2% (docs/performance/precision.md), and experts are most of any such model."""


def native_weights(
    path: Path, config: Qwen3MoeConfig, context_length: int, native: Native, precision: Format = "bf16"
) -> Tensors:
    """Every tensor that kernels/cpu/bindings.cpp asks for, mapped from the model's packed file, which is
    made if there is none that fits. Of the checkpoint hardly more than its size is looked at then.

    Raises:
        ModelError: the checkpoint does not fit the config, cannot be read, or holds what is no number.
    """
    try:
        return packed_arrays(
            packed_origin(path, context_length, native, precision),
            lambda: packed_tensors(path, config, context_length, native, precision),
        )
    except OSError as error:
        raise ModelError(f"{error.filename or path}: {error.strerror or error}") from error


def packed_origin(path: Path, context_length: int, native: Native, precision: Format) -> Origin:
    """What the weights of a checkpoint, a directory or one file, depend on as `native_weights` packs them."""
    recipe: dict[str, str | int] = {
        "layout": _layout(native, precision),
        "layout beside experts": _layout(native, _BESIDE_EXPERTS[precision]),
        "precision": precision,
        "context": context_length,
    }
    if path.is_file():
        return Origin(path.parent, f"{path.name}-{precision}", (path,), recipe)
    weights = [*path.glob("*.safetensors"), *path.glob("*.safetensors.index.json")]
    return Origin(path, f"midfill-{precision}", (path / "config.json", *sorted(weights)), recipe)


def packed_tensors(
    path: Path, config: Qwen3MoeConfig, context_length: int, native: Native, precision: Format
) -> Iterator[tuple[str, Array]]:
    """The same, made one by one: a model of many gigabytes is never in memory whole.

    Raises:
        ModelError: see `native_weights`.
    """
    source = _Source(checked_entries(path, config), native, precision)
    yield "embedding", source.packed("model.embed_tokens.weight")
    yield "norm", source.floats("model.norm.weight")
    yield from zip(("cos", "sin"), rotation(config, context_length), strict=True)
    if not config.tie_word_embeddings:
        yield "head", source.packed("lm_head.weight")
    for layer in range(config.num_layers):
        ours, theirs = f"layers.{layer}.", f"model.layers.{layer}."
        attention = f"{theirs}self_attn."
        yield ours + "input_norm", source.floats(f"{theirs}input_layernorm.weight")
        yield ours + "post_norm", source.floats(f"{theirs}post_attention_layernorm.weight")
        yield ours + "q_norm", source.floats(f"{attention}q_norm.weight")
        yield ours + "k_norm", source.floats(f"{attention}k_norm.weight")
        yield ours + "router", source.floats(f"{theirs}mlp.gate.weight")
        yield ours + "qkv", source.packed(*(f"{attention}{name}_proj.weight" for name in "qkv"))
        yield ours + "o", source.packed(f"{attention}o_proj.weight")
        experts = [f"{theirs}mlp.experts.{expert}." for expert in range(config.num_experts)]
        gates = [f"{at}{name}_proj.weight" for at in experts for name in ("gate", "up")]
        yield ours + "gate_up", source.experts(*gates, alternate=config.expert_size)
        yield ours + "down", source.experts(*(f"{at}down_proj.weight" for at in experts))


@dataclass(frozen=True, slots=True)
class _Source:
    """A checked checkpoint, and how its matrices are packed."""

    entries: dict[str, TensorEntry]
    native: Native
    precision: Format

    def packed(self, *names: str) -> Array:
        """The rows of some matrices, one below the other, that no expert has."""
        return _pack(self.native, self._rows(names), 0, _BESIDE_EXPERTS[self.precision])

    def experts(self, *names: str, alternate: int = 0) -> Array:
        """The same of experts."""
        return _pack(self.native, self._rows(names), alternate, self.precision)

    def floats(self, name: str) -> npt.NDArray[np.float32]:
        return _float32(self.entries[name].bfloat16())

    def _rows(self, names: Sequence[str]) -> Rows:
        """Not rounded before fewer bits are made of them: what has such bits in a file stays as it is."""
        entries = [self.entries[name] for name in names]
        if self.precision == "bf16":
            return np.concatenate([entry.bfloat16() for entry in entries])
        return np.concatenate([entry.float32() for entry in entries])


def _pack(native: Native, rows: Rows, alternate: int, precision: Format) -> Array:
    packed: Array = native.pack(rows, alternate, precision)
    return packed


def _layout(native: Native, precision: Format) -> str:
    """A hash of how a matrix of distinct numbers is packed: it changes with the code that packs, without
    anyone's having to count versions. Takes 0.1 ms."""
    values = rounded(np.linspace(-1, 1, 32 * 64, dtype=np.float32).reshape(32, 64))
    packed = (_pack(native, values, alternate, precision) for alternate in (0, 16))
    return hashlib.sha256(b"".join(each.tobytes() for each in packed)).hexdigest()


def _float32(bits: Bits) -> npt.NDArray[np.float32]:
    return (bits.astype(np.uint32) << 16).view(np.float32)
