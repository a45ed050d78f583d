"""Stage 5c: an exported checkpoint as one GGUF file, which llama.cpp loads.

    python -m training.export_gguf --model inference/weights --out midfill-small.gguf --type f16

The architecture is llama.cpp's `qwen3moe`. f16 is the default: it rounds only weights below 6e-5, and
llama.cpp rounds activations to the type of the weights, where bf16 loses more (`benchmarks.llama_cpp`). f32
is exact; q8_0 and q4_0 round each 32 weights to 8 or 4 bits and a scale. Norms and routers are float32 in
every type, as llama.cpp has them. How a prompt is laid out, and that it should be given as token ids, is
written into `general.description`; `midfill.*` is our card, so that `--model` takes the file too.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from gguf import GGMLQuantizationType as Type
from gguf import GGUFReader, GGUFValueType, GGUFWriter, LlamaFileType
from gguf.constants import GGML_QUANT_SIZES
from gguf.quants import quantize

from inference.card import Card
from inference.model import ModelError
from inference.models.config import Qwen3MoeConfig
from inference.models.description import describe
from inference.models.gguf_card import PREFIX
from inference.models.loader import load_weights
from inference.models.qwen3_moe import Qwen3Moe, Qwen3MoeLayer
from training.gguf_tokenizer import TEXT_DIFFERS, add_tokenizer

Weights = npt.NDArray[np.float32]
ARCHITECTURE = "qwen3moe"
TYPES = {
    "f32": (Type.F32, LlamaFileType.ALL_F32),
    "f16": (Type.F16, LlamaFileType.MOSTLY_F16),
    "bf16": (Type.BF16, LlamaFileType.MOSTLY_BF16),
    "q8_0": (Type.Q8_0, LlamaFileType.MOSTLY_Q8_0),
    "q4_0": (Type.Q4_0, LlamaFileType.MOSTLY_Q4_0),
}
LAYOUT = (
    "Fills gaps in code. Prompt: <|file_sep|><|fim_suffix|>SUFFIX<|fim_middle|>PREFIX, or <|file_sep|>PREFIX "
    "where nothing follows the cursor; the answer goes on from PREFIX and ends with <|endoftext|>. This is "
    "not the order of llama-server's /infill, with --spm-infill or without. "
)


def named_weights(model: Qwen3Moe) -> Iterator[tuple[str, Weights]]:
    """Every tensor under llama.cpp's name; the experts of a layer are one tensor, (E, rows, columns)."""
    config = model.config
    yield "token_embd.weight", _array(model.embed_tokens)
    for index, layer in enumerate(model.layers):
        assert isinstance(layer, Qwen3MoeLayer)  # noqa: S101 - ModuleList forgets the type
        keys = config.num_kv_heads * config.head_dim
        q, k, v = torch.split(layer.qkv_proj, [config.num_heads * config.head_dim, keys, keys])
        gate, up = layer.gate_up.chunk(2, dim=1)
        tensors = {
            "attn_norm": layer.input_norm, "attn_q": q, "attn_k": k, "attn_v": v,
            "attn_q_norm": layer.q_norm, "attn_k_norm": layer.k_norm, "attn_output": layer.o_proj,
            "ffn_norm": layer.post_norm, "ffn_gate_inp": layer.router,
            "ffn_gate_exps": gate, "ffn_up_exps": up, "ffn_down_exps": layer.down,
        }  # fmt: skip
        for name, tensor in tensors.items():
            yield f"blk.{index}.{name}.weight", _array(tensor)
    yield "output_norm.weight", _array(model.norm)
    if model.lm_head is not None:
        yield "output.weight", _array(model.lm_head)


def stored_type(name: str, wanted: Type) -> Type:
    """float32 for vectors and routers, which llama.cpp does not compute in less."""
    return Type.F32 if name.endswith("norm.weight") or ".ffn_gate_inp." in name else wanted


def stored(name: str, weights: Weights, wanted: Type) -> tuple[npt.NDArray[np.generic], Type]:
    """The array as it lies in the file.

    Raises:
        ModelError: the weights do not fit the type; says which other type to take.
    """
    kind = stored_type(name, wanted)
    block = GGML_QUANT_SIZES[kind][0]
    if weights.shape[-1] % block:
        raise ModelError(
            f"{name}: rows of {weights.shape[-1]} do not divide into blocks of {block}; take --type bf16"
        )
    if kind is Type.F16 and np.abs(weights).max() > np.finfo(np.float16).max:
        raise ModelError(f"{name}: weights beyond 65504 do not fit f16; take --type bf16")
    if kind is Type.F32:
        return weights, kind
    if kind is Type.F16:
        return weights.astype(np.float16), kind
    return quantize(weights, kind), kind


def add_config(writer: GGUFWriter, config: Qwen3MoeConfig) -> None:
    """The shape.

    Raises:
        ModelError: llama.cpp's qwen3moe computes something else than this config asks for.
    """
    if not config.norm_topk_prob:
        raise ModelError(
            "norm_topk_prob is false, but llama.cpp always makes the experts' weights add up to 1"
        )
    if config.rope_scaling is not None:
        raise ModelError("rope scaling is not exported; take it out of config.json")
    writer.add_vocab_size(config.vocab_size)
    writer.add_context_length(config.max_position)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_layers)
    writer.add_feed_forward_length(config.expert_size)
    writer.add_head_count(config.num_heads)
    writer.add_head_count_kv(config.num_kv_heads)
    writer.add_key_length(config.head_dim)
    writer.add_value_length(config.head_dim)
    writer.add_rope_dimension_count(config.head_dim)
    writer.add_rope_freq_base(config.rope_theta)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_expert_count(config.num_experts)
    writer.add_expert_used_count(config.experts_per_token)
    writer.add_expert_feed_forward_length(config.expert_size)


def add_card(writer: GGUFWriter, card: Card) -> None:
    """For people and llama.cpp the name and a description; for our own engine every field of the card."""
    writer.add_type("model")
    writer.add_name(card.name)
    writer.add_license("apache-2.0")
    writer.add_description(LAYOUT + TEXT_DIFFERS)
    writer.add_string(PREFIX + "format", card.format)
    for field in fields(Card):
        value = getattr(card, field.name)
        if type(value) is int:
            writer.add_uint32(PREFIX + field.name, value)
    writer.add_array(PREFIX + "stop_ids", list(card.stop_ids))
    odds = [share for pair in card.calibration for share in pair]
    for name, numbers in (("copy_weights", list(card.copy_weights)), ("calibration", odds)):
        if numbers:
            writer.add_key_value(PREFIX + name, numbers, GGUFValueType.ARRAY, GGUFValueType.FLOAT64)


def export_gguf(model: Path, out: Path, type_name: str) -> int:
    """Write the checkpoint in `model` to `out`, whole or not at all; return its bytes.

    Raises:
        ModelError: the checkpoint is broken, or holds what the file or llama.cpp cannot; or `out` cannot be
            written.
    """
    wanted, file_type = TYPES[type_name]
    described = describe(model)
    config, card = described.config, described.card
    if card.format != "midfill-spm":
        raise ModelError(
            f"{model}: prompts of format {card.format}; use llama.cpp's own convert_hf_to_gguf.py"
        )
    writer = GGUFWriter(None, ARCHITECTURE)
    add_card(writer, card)
    writer.add_file_type(file_type)
    writer.add_quantization_version(2)
    add_config(writer, config)
    add_tokenizer(writer, model / "tokenizer.json", config.vocab_size, card.stop_ids)
    network = load_weights(model, config, torch.device("cpu"), torch.float32)
    sizes = {}
    for name, weights in named_weights(network):
        array, kind = stored(name, weights, wanted)
        writer.add_tensor(name, array, raw_dtype=kind)
        sizes[name] = array.nbytes
    try:
        with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}.") as folder:
            staged = Path(folder) / out.name
            writer.write_header_to_file(staged)
            writer.write_kv_data_to_file()
            writer.write_tensors_to_file()
            writer.close()
            with staged.open("rb") as file:
                os.fsync(file.fileno())
            size = check(staged, sizes)
            staged.replace(out)
    except OSError as error:
        raise ModelError(f"{out}: {error.strerror or error}; name a file in a folder with room") from error
    return size


def check(path: Path, sizes: dict[str, int]) -> int:
    """That a file just written holds these tensors, each as many bytes; return the bytes of the file.

    Raises ModelError.
    """
    reader = GGUFReader(path)
    found = {tensor.name: int(tensor.n_bytes) for tensor in reader.tensors}
    if found != sizes:
        wrong = next(name for name in {**sizes, **found} if sizes.get(name) != found.get(name))
        raise ModelError(
            f"{path.name}: {wrong} has {found.get(wrong)} bytes, not {sizes.get(wrong)}; is gguf broken?"
        )
    padded = sum(GGUFWriter.ggml_pad(size, reader.alignment) for size in sizes.values())
    size = path.stat().st_size
    if size != reader.data_offset + padded:
        raise ModelError(f"{path.name}: {size} bytes, not {reader.data_offset + padded}; is the disk full?")
    return size


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="training.export_gguf", description="Write a GGUF file.")
    parser.add_argument("--model", type=Path, required=True, help="folder that training.export wrote")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--type", choices=TYPES, default="f16", help="of the matrices (default f16)")
    options = parser.parse_args(arguments)
    try:
        size = export_gguf(options.model, options.out, options.type)
    except ModelError as error:
        print(f"training.export_gguf: {error}", file=sys.stderr)
        return 1
    print(f"{options.out}: {size / 1e6:.1f} MB, {options.type}")
    return 0


def _array(tensor: torch.Tensor) -> Weights:
    return np.ascontiguousarray(tensor.detach().float().numpy())


if __name__ == "__main__":
    sys.exit(main())
