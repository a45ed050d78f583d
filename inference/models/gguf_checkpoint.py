"""The tensors of a GGUF file of `qwen3moe`, under the names that Hugging Face's checkpoints have for them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from inference.model import ModelError
from inference.models.config import Qwen3MoeConfig
from inference.models.gguf_header import GgufTensor, read_gguf
from inference.models.tensor_entry import TensorEntry

TENSORS_OF_A_LAYER = 12


@dataclass(frozen=True, slots=True)
class GgufSlot:
    """A tensor that a file of some shape must hold. `target` is its other name; of three dimensions the first
    are experts, each a tensor of its own there, with its number in place of {}."""

    name: str
    shape: tuple[int, ...]
    target: str


def gguf_slots(config: Qwen3MoeConfig) -> Iterator[GgufSlot]:
    """Every tensor of a file of this shape."""
    d, c, i = config.hidden_size, config.head_dim, config.expert_size
    queries, keys, e = config.num_heads * c, config.num_kv_heads * c, config.num_experts
    yield GgufSlot("token_embd.weight", (config.vocab_size, d), "model.embed_tokens.weight")
    for layer in range(config.num_layers):
        plain = {
            "attn_norm": ((d,), "input_layernorm"),
            "attn_q": ((queries, d), "self_attn.q_proj"),
            "attn_k": ((keys, d), "self_attn.k_proj"),
            "attn_v": ((keys, d), "self_attn.v_proj"),
            "attn_q_norm": ((c,), "self_attn.q_norm"),
            "attn_k_norm": ((c,), "self_attn.k_norm"),
            "attn_output": ((d, queries), "self_attn.o_proj"),
            "ffn_norm": ((d,), "post_attention_layernorm"),
            "ffn_gate_inp": ((e, d), "mlp.gate"),
        }
        at = f"model.layers.{layer}."
        for name, (shape, target) in plain.items():
            yield GgufSlot(f"blk.{layer}.{name}.weight", shape, f"{at}{target}.weight")
        for kind, rows in {"gate": (i, d), "up": (i, d), "down": (d, i)}.items():
            target = f"{at}mlp.experts.{{}}.{kind}_proj.weight"
            yield GgufSlot(f"blk.{layer}.ffn_{kind}_exps.weight", (e, *rows), target)
    yield GgufSlot("output_norm.weight", (d,), "model.norm.weight")
    if not config.tie_word_embeddings:
        yield GgufSlot("output.weight", (config.vocab_size, d), "lm_head.weight")


def gguf_entries(path: Path, config: Qwen3MoeConfig) -> dict[str, TensorEntry]:
    """Where each tensor lies, by Hugging Face's name; of the experts, which are one tensor here, each part.

    Raises:
        ModelError: naming the file and the tensor that is missing, unexpected or of another shape.
    """
    tensors = read_gguf(path).tensors
    # Counted before they are listed: a file of 10^9 layers must not cost 10^9 names.
    expected = 2 + (not config.tie_word_embeddings) + config.num_layers * TENSORS_OF_A_LAYER
    if len(tensors) < expected:
        raise ModelError(f"{path}: {len(tensors)} tensors, but its keys describe a model of {expected}")
    entries: dict[str, TensorEntry] = {}
    known = set()
    for slot in gguf_slots(config):
        tensor = tensors.get(slot.name)
        if tensor is None:
            raise ModelError(f"{path}: {slot.name} is missing")
        if tensor.shape != slot.shape:
            raise ModelError(
                f"{path}: {slot.name} has shape {list(tensor.shape)}, its keys ask for {list(slot.shape)}"
            )
        entries |= _parts(path, slot, tensor)
        known.add(slot.name)
    if unexpected := sorted(set(tensors) - known):
        raise ModelError(f"{path}: unexpected tensor {unexpected[0]}")
    return entries


def _parts(path: Path, slot: GgufSlot, tensor: GgufTensor) -> Iterator[tuple[str, TensorEntry]]:
    """The tensor, or each expert's part of it. Rows are whole blocks, and so are parts."""
    parts = slot.shape[0] if len(slot.shape) == 3 else 1
    size = (tensor.end - tensor.begin) // parts
    for number in range(parts):
        begin = tensor.begin + number * size
        yield (
            slot.target.format(number),
            TensorEntry(path, slot.name, tensor.type_name, slot.shape[-2:], begin, begin + size),
        )
