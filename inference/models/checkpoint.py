"""A checkpoint: which tensors it holds, under Hugging Face's names, and whether they are the config's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from inference.json_file import read_json
from inference.model import ModelError
from inference.models.config import Qwen3MoeConfig
from inference.models.gguf_checkpoint import gguf_entries
from inference.models.safetensors_header import read_header
from inference.models.tensor_entry import TensorEntry

SINGLE = "model.safetensors"
INDEX = "model.safetensors.index.json"
MAX_INDEX_BYTES = 64 << 20
WEIGHT_DTYPES = ("F32", "F16", "BF16")


@dataclass(frozen=True, slots=True)
class Slot:
    """Where a checkpoint's tensor goes: rows from `row` on of parameter `target`, in `expert`'s slice."""

    name: str
    shape: tuple[int, ...]
    target: str
    row: int = 0
    expert: int | None = None


def slots(config: Qwen3MoeConfig) -> Iterator[Slot]:
    """Every tensor that a checkpoint of this shape must hold."""
    d, c, i = config.hidden_size, config.head_dim, config.expert_size
    queries, keys = config.num_heads * c, config.num_kv_heads * c
    yield Slot("model.embed_tokens.weight", (config.vocab_size, d), "embed_tokens")
    for layer in range(config.num_layers):
        theirs, ours = f"model.layers.{layer}.", f"layers.{layer}."
        yield Slot(theirs + "input_layernorm.weight", (d,), ours + "input_norm")
        yield Slot(theirs + "self_attn.q_proj.weight", (queries, d), ours + "qkv_proj")
        yield Slot(theirs + "self_attn.k_proj.weight", (keys, d), ours + "qkv_proj", queries)
        yield Slot(theirs + "self_attn.v_proj.weight", (keys, d), ours + "qkv_proj", queries + keys)
        yield Slot(theirs + "self_attn.q_norm.weight", (c,), ours + "q_norm")
        yield Slot(theirs + "self_attn.k_norm.weight", (c,), ours + "k_norm")
        yield Slot(theirs + "self_attn.o_proj.weight", (d, queries), ours + "o_proj")
        yield Slot(theirs + "post_attention_layernorm.weight", (d,), ours + "post_norm")
        yield Slot(theirs + "mlp.gate.weight", (config.num_experts, d), ours + "router")
        for expert in range(config.num_experts):
            prefix = f"{theirs}mlp.experts.{expert}."
            yield Slot(prefix + "gate_proj.weight", (i, d), ours + "gate_up", 0, expert)
            yield Slot(prefix + "up_proj.weight", (i, d), ours + "gate_up", i, expert)
            yield Slot(prefix + "down_proj.weight", (d, i), ours + "down", 0, expert)
    yield Slot("model.norm.weight", (d,), "norm")
    if not config.tie_word_embeddings:
        yield Slot("lm_head.weight", (config.vocab_size, d), "lm_head")


def checked_entries(path: Path, config: Qwen3MoeConfig) -> dict[str, TensorEntry]:
    """Where each tensor lies, once headers, file sizes, names, shapes and dtypes all agree with the config.

    Nothing but headers is read, and nothing the size of a tensor allocated.

    Args:
        path: a directory of Hugging Face's, or a GGUF file.

    Raises:
        ModelError: naming the file and the tensor that is missing, unexpected or of another shape or dtype.
    """
    return gguf_entries(path, config) if path.is_file() else _checked_directory(path, config)


def _checked_directory(directory: Path, config: Qwen3MoeConfig) -> dict[str, TensorEntry]:
    entries = _entries(directory)
    # Counted before they are listed: a config of 10^9 layers must not cost 10^9 names.
    expected = 2 + (not config.tie_word_embeddings) + config.num_layers * (8 + 3 * config.num_experts)
    if len(entries) < expected:
        raise ModelError(
            f"{directory}: {len(entries)} tensors, but config.json describes a model of {expected}; "
            f"first missing: {_first_missing(entries, config)}"
        )
    known = set()
    for slot in slots(config):
        entry = entries.get(slot.name)
        if entry is None:
            raise ModelError(f"{directory}: {slot.name} is missing")
        if entry.shape != slot.shape:
            raise ModelError(
                f"{entry.file}: {slot.name} has shape {list(entry.shape)}, "
                f"config.json asks for {list(slot.shape)}"
            )
        if entry.dtype not in WEIGHT_DTYPES:
            raise ModelError(
                f"{entry.file}: {slot.name} is {entry.dtype}; weights must be {', '.join(WEIGHT_DTYPES)}"
            )
        known.add(slot.name)
    if config.tie_word_embeddings:
        known.add("lm_head.weight")  # some exporters write the tied head out
    if unexpected := sorted(set(entries) - known):
        raise ModelError(f"{entries[unexpected[0]].file}: unexpected tensor {unexpected[0]}")
    return entries


def _first_missing(entries: dict[str, TensorEntry], config: Qwen3MoeConfig) -> str:
    # Fewer entries than slots, so this ends after at most len(entries) + 1 names.
    return next(slot.name for slot in slots(config) if slot.name not in entries)


def _entries(directory: Path) -> dict[str, TensorEntry]:
    single, index = directory / SINGLE, directory / INDEX
    if single.exists():
        return read_header(single)
    if not index.exists():
        raise ModelError(f"{directory}: neither {SINGLE} nor {INDEX} is there")
    weight_map = read_json(index, MAX_INDEX_BYTES).get("weight_map")
    if not isinstance(weight_map, dict) or not weight_map:
        raise ModelError(f"{index}: weight_map is missing")
    for shard in weight_map.values():
        if not isinstance(shard, str) or Path(shard).name != shard or not shard.endswith(".safetensors"):
            raise ModelError(f"{index}: {shard!r:.80} is not the name of a safetensors file beside it")
    headers = {shard: read_header(directory / shard) for shard in sorted(set(weight_map.values()))}
    entries = {}
    for name, shard in weight_map.items():
        if name not in headers[shard]:
            raise ModelError(f"{directory / shard}: {name} is missing, though {INDEX} says it is there")
        entries[name] = headers[shard][name]
    return entries
