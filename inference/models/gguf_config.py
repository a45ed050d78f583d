"""The shape of a model, from the keys of a GGUF file of llama.cpp's architecture `qwen3moe`."""

from __future__ import annotations

from inference.model import ModelError
from inference.models.config import Qwen3MoeConfig, RopeScaling
from inference.models.gguf_header import GgufHeader
from inference.models.gguf_metadata import Metadata

ARCHITECTURE = "qwen3moe"
_UNSUPPORTED = {
    "expert_shared_count": 0, "leading_dense_block_count": 0, "expert_group_count": 0,
    "attention.sliding_window": 0, "nextn_predict_layers": 0,
}  # fmt: skip
_SOFTMAX = 1


def gguf_config(header: GgufHeader) -> Qwen3MoeConfig:
    """The config. The head is tied if the file has no tensor of its own for it.

    Raises:
        ModelError: what is missing, of another architecture, contradictory or not supported.
    """
    metadata = header.metadata
    if (found := metadata.text("general.architecture")) != ARCHITECTURE:
        raise ModelError(f"this engine runs {ARCHITECTURE}; the file says {found!r:.60}")
    if metadata.integer("split.count", 1) > 1:
        raise ModelError("one of several parts; join them with llama.cpp's gguf-split --merge")

    def integer(key: str, default: int | None = None) -> int:
        return metadata.integer(f"{ARCHITECTURE}.{key}", default)

    for key, plain in _UNSUPPORTED.items():
        if integer(key, plain) != plain:
            raise ModelError(f"{ARCHITECTURE}.{key} is {integer(key)}, which is not supported")
    if integer("expert_gating_func", _SOFTMAX) not in (0, _SOFTMAX):
        raise ModelError("experts that are not chosen by a softmax are not supported")
    if metadata.number(f"{ARCHITECTURE}.expert_weights_scale", 1.0) not in (0.0, 1.0):
        raise ModelError("scaled weights of experts are not supported")
    heads, hidden = integer("attention.head_count"), integer("embedding_length")
    size = integer("attention.key_length", hidden // max(heads, 1))
    for key in ("attention.value_length", "rope.dimension_count"):
        if integer(key, size) != size:
            raise ModelError(f"{ARCHITECTURE}.{key} is {integer(key)}, and attention.key_length {size}")
    return Qwen3MoeConfig(
        vocab_size=len(metadata.texts("tokenizer.ggml.tokens")),
        hidden_size=hidden,
        num_layers=integer("block_count"),
        num_heads=heads,
        num_kv_heads=integer("attention.head_count_kv", heads),
        head_dim=size,
        num_experts=integer("expert_count"),
        experts_per_token=integer("expert_used_count"),
        expert_size=integer("expert_feed_forward_length"),
        max_position=integer("context_length"),
        norm_topk_prob=True,  # llama.cpp asks no key
        rms_norm_eps=metadata.number(f"{ARCHITECTURE}.attention.layer_norm_rms_epsilon"),
        rope_theta=metadata.number(f"{ARCHITECTURE}.rope.freq_base", 10_000.0),
        rope_scaling=_rope_scaling(metadata),
        tie_word_embeddings="output.weight" not in header.tensors,
    )


def _rope_scaling(metadata: Metadata) -> RopeScaling | None:
    at = f"{ARCHITECTURE}.rope.scaling."
    kind = metadata.text(at + "type", "none")
    if kind == "none":
        return None
    if kind != "yarn":
        raise ModelError(f"rope scaling {kind!r:.40} is not supported, only yarn")
    if (
        metadata.number(at + "attn_factor", 1.0) != 1.0
        or metadata.number(at + "yarn_attn_factor", 1.0) != 1.0
    ):
        raise ModelError("yarn with an attention factor of its own is not supported")
    factor = metadata.number(at + "factor")
    if not 1 <= factor <= 1024:
        raise ModelError(f"yarn factor {factor} is out of range")
    return RopeScaling(
        factor=factor,
        original_max_position=metadata.integer(
            at + "original_context_length", metadata.integer(f"{ARCHITECTURE}.context_length")
        ),
        beta_fast=metadata.number(at + "yarn_beta_fast", 32.0),
        beta_slow=metadata.number(at + "yarn_beta_slow", 1.0),
    )
