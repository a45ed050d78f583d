"""A GGUF file is the model that its checkpoint was: config, tokenizer, card, logits."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gguf import GGMLQuantizationType, GGUFReader, GGUFValueType, GGUFWriter, TokenType
from gguf.quants import dequantize, quantize
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import save_file

from inference.engine import DoneEvent, Engine, PromptText, Request
from inference.model import ModelError
from inference.models.checkpoint import checked_entries
from inference.models.config import Qwen3MoeConfig, RopeScaling
from inference.models.description import describe, main
from inference.models.gguf_checkpoint import gguf_slots
from inference.models.load import SHIPPED, load
from inference.models.native_weights import packed_tensors
from kernels.cpu import native
from tests.inference.models.logits import behind
from tests.kernels.packed import unpacked
from training.export_gguf import export_gguf

WIDE = {"hidden_size": 64, "head_dim": 32, "moe_intermediate_size": 32}
IDS = list(range(100, 170))
TEXTS = [
    "def f(self):\n    return self.name  # 123 äöü\n\n\n\tx = 'it''s' + \"10\"",
    "  import os\r\n\r\n   if a!=b: ...  ",
    "<|endoftext|><|fim_prefix|> is only text",
]
QWEN_CONTROLS = (
    "<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>",
    "<|repo_name|>", "<|file_sep|>",
)  # fmt: skip


def same_tokenizer(one: Any, other: Any) -> bool:
    """The whole of them: what they were built from, as the library writes it."""
    return (
        one._text.to_str() == other._text.to_str()
        and one.pieces == other.pieces
        and dict(one.controls) == dict(other.controls)
    )


@pytest.fixture(scope="module")
def directory(make_model_dir: Any) -> Path:
    return make_model_dir(**WIDE, vocab_size=1040, tie_word_embeddings=False)


@pytest.fixture(scope="module")
def exported(directory: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    folder = tmp_path_factory.mktemp("gguf")

    def export(kind: str) -> Path:
        path = folder / f"{kind}.gguf"
        if not path.exists():
            export_gguf(directory, path, kind)
        return path

    return export


def logits(path: Path, backend: Any) -> np.ndarray:
    model = load(path, "cpu", backend)[0]
    return behind(model, model.new_sequence(), IDS)


@pytest.mark.parametrize(("kind", "precision"), [("q8_0", "int8"), ("q4_0", "int4")])
def test_bits_that_are_as_few_in_the_file_stay_as_they_are(
    exported: Callable[[str], Path], kind: str, precision: Any
) -> None:
    path = exported(kind)
    config = describe(path).config
    packed = dict(packed_tensors(path, config, 512, native(), precision))["layers.1.down"]
    entries = checked_entries(path, config)
    experts = range(config.num_experts)
    stored = np.concatenate(
        [entries[f"model.layers.1.mlp.experts.{e}.down_proj.weight"].float32() for e in experts]
    )
    np.testing.assert_array_equal(unpacked(packed, *stored.shape, precision), stored)


def test_the_description_comes_back(directory: Path, exported: Callable[[str], Path]) -> None:
    ours, theirs = describe(directory), describe(exported("bf16"))
    assert dataclasses.replace(theirs.config, dtype="float32") == dataclasses.replace(
        ours.config, rms_norm_eps=theirs.config.rms_norm_eps
    )
    assert theirs.config.rms_norm_eps == pytest.approx(1e-6, rel=1e-6)
    assert theirs.card == ours.card
    assert same_tokenizer(theirs.tokenizer, ours.tokenizer)
    for text in TEXTS:
        assert theirs.tokenizer.encode(text) == ours.tokenizer.encode(text)


@pytest.mark.parametrize("kind", ["f32", "bf16"])
def test_native_logits_are_those_of_the_checkpoint(
    directory: Path, exported: Callable[[str], Path], kind: str
) -> None:
    np.testing.assert_array_equal(logits(exported(kind), "native"), logits(directory, "native"))


def test_torchs_logits_are_those_of_the_checkpoint(directory: Path, exported: Callable[[str], Path]) -> None:
    np.testing.assert_array_equal(logits(exported("f32"), "torch"), logits(directory, "torch"))


@pytest.mark.parametrize("backend", ["native", "torch"])
@pytest.mark.parametrize("kind", ["f16", "q8_0", "q4_0"])
def test_logits_are_those_of_a_checkpoint_of_the_rounded_weights(
    directory: Path, exported: Callable[[str], Path], tmp_path: Path, kind: str, backend: Any
) -> None:
    rounded = shutil.copytree(directory, tmp_path / "rounded")
    tensors = GGUFReader(exported(kind)).tensors
    weights = {tensor.name: dequantize(tensor.data, tensor.tensor_type) for tensor in tensors}
    config = Qwen3MoeConfig.from_file(rounded / "config.json")
    checkpoint = {}
    for slot in gguf_slots(config):
        parts = weights[slot.name] if "{}" in slot.target else [weights[slot.name]]
        checkpoint |= {slot.target.format(i): np.ascontiguousarray(part) for i, part in enumerate(parts)}
    save_file(checkpoint, rounded / "model.safetensors")
    np.testing.assert_array_equal(logits(exported(kind), backend), logits(rounded, backend))


def test_the_model_that_ships_survives_the_trip(tmp_path: Path) -> None:
    path = tmp_path / "shipped.gguf"
    export_gguf(SHIPPED, path, "bf16")
    ours, theirs = describe(SHIPPED), describe(path)
    assert theirs.card == ours.card
    assert same_tokenizer(theirs.tokenizer, ours.tokenizer)
    np.testing.assert_array_equal(logits(path, "native"), logits(SHIPPED, "native"))


# Files as llama.cpp's own converter writes them.


def write_qwen(
    path: Path,
    tokenizer: str,
    *,
    keys: dict[str, Any] | None = None,
    names: dict[str, str] | None = None,
    kind: GGMLQuantizationType = GGMLQuantizationType.Q8_0,
    change: Callable[[dict[str, np.ndarray]], None] | None = None,
    config: Qwen3MoeConfig | None = None,
) -> Path:
    """Qwen's layout: no card; control tokens behind the others, then padding. `keys` are added, replaced or
    with None left out; `names` replace control tokens'."""
    data = json.loads(tokenizer)
    texts = {index: token for token, index in data["model"]["vocab"].items()}
    controls = {token["id"]: token["content"] for token in data["added_tokens"]}
    size = 1024
    config = config or Qwen3MoeConfig(
        size, 64, 2, 4, 2, 32, 4, 2, 32, 4096, rope_theta=1e6, tie_word_embeddings=True
    )
    tokens = [texts.get(i) or controls.get(i) or f"[PAD{i}]" for i in range(size)]
    values: dict[str, Any] = {
        "general.name": "Tiny Coder",
        "qwen3moe.context_length": config.max_position,
        "qwen3moe.embedding_length": config.hidden_size,
        "qwen3moe.block_count": config.num_layers,
        "qwen3moe.feed_forward_length": 128,
        "qwen3moe.attention.head_count": config.num_heads,
        "qwen3moe.attention.head_count_kv": config.num_kv_heads,
        "qwen3moe.attention.key_length": config.head_dim,
        "qwen3moe.attention.value_length": config.head_dim,
        "qwen3moe.attention.layer_norm_rms_epsilon": 1e-6,
        "qwen3moe.rope.freq_base": config.rope_theta,
        "qwen3moe.expert_count": config.num_experts,
        "qwen3moe.expert_used_count": config.experts_per_token,
        "qwen3moe.expert_feed_forward_length": config.expert_size,
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": "qwen2",
        "tokenizer.ggml.tokens": [(names or {}).get(token, token) for token in tokens],
        "tokenizer.ggml.token_type": [
            int(TokenType.NORMAL if i in texts else TokenType.CONTROL if i in controls else TokenType.UNUSED)
            for i in range(size)
        ],
        "tokenizer.ggml.merges": [" ".join(merge) for merge in data["model"]["merges"]],
        "tokenizer.ggml.eos_token_id": 1002,
    }
    values |= keys or {}
    architecture = values.pop("general.architecture", "qwen3moe")
    writer = GGUFWriter(path, architecture)
    for key, value in values.items():
        if isinstance(value, list):
            writer.add_array(key, value)
        elif value is not None:
            writer.add_key_value(key, value, GGUFValueType.get_type(value))
    random = np.random.default_rng(0)
    weights = {
        slot.name: (0.2 * random.standard_normal(slot.shape) + ("norm" in slot.name)).astype(np.float32)
        for slot in gguf_slots(config)
    }
    if change:
        change(weights)
    for name, array in weights.items():
        own = GGMLQuantizationType.F32 if array.ndim == 1 or "gate_inp" in name else kind
        writer.add_tensor(name, quantize(array, own), raw_dtype=own)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def test_qwens_own_files_need_no_card(tmp_path: Path, qwen_tokenizer_json: str, make_model_dir: Any) -> None:
    described = describe(write_qwen(tmp_path / "m.gguf", qwen_tokenizer_json))
    config, card = described.config, described.card
    assert (config.vocab_size, config.rope_theta, config.tie_word_embeddings) == (1024, 1e6, True)
    assert (card.name, card.format, card.stop_ids) == ("Tiny Coder", "qwen", (1002,))
    theirs = describe(make_model_dir(tokenizer=qwen_tokenizer_json, card=None)).tokenizer
    assert same_tokenizer(described.tokenizer, theirs)
    for text in TEXTS:
        assert described.tokenizer.encode(text) == theirs.encode(text)
        assert described.tokenizer.normalise(text) == theirs.normalise(text)


@pytest.mark.parametrize("backend", ["native", "torch"])
def test_qwens_own_files_are_completed_with(tmp_path: Path, qwen_tokenizer_json: str, backend: Any) -> None:
    engine = Engine(*load(write_qwen(tmp_path / "m.gguf", qwen_tokenizer_json), "cpu", backend))
    engine.submit(Request(1, "", PromptText("def f(", "return x\n"), max_tokens=3))
    events = []
    while engine.has_work:
        events += engine.step()
    assert isinstance(events[-1], DoneEvent)


def test_fim_tokens_are_found_by_their_ids(tmp_path: Path, qwen_tokenizer_json: str) -> None:
    """Other models call them otherwise."""
    controls = {token["content"]: token["id"] for token in json.loads(qwen_tokenizer_json)["added_tokens"]}
    names = {"<|fim_prefix|>": "<PRE>", "<|file_sep|>": "<SEP>"}
    keys = {"fim_pre": "<|fim_prefix|>", "fim_sep": "<|file_sep|>"}
    ids = {f"tokenizer.ggml.{key}_token_id": controls[name] for key, name in keys.items()}
    path = write_qwen(tmp_path / "m.gguf", qwen_tokenizer_json, keys=ids, names=names)
    assert {name: describe(path).tokenizer.control(name) for name in QWEN_CONTROLS} == controls
    missing = write_qwen(tmp_path / "n.gguf", qwen_tokenizer_json, names=names)
    with pytest.raises(ModelError, match=r"has no <\|fim_prefix\|>: not a model that fills gaps"):
        describe(missing)


def test_stretched_positions_are_understood(tmp_path: Path, qwen_tokenizer_json: str) -> None:
    at = "qwen3moe.rope.scaling."
    keys = {at + "type": "yarn", at + "factor": 4.0, at + "original_context_length": 4096}
    config = describe(write_qwen(tmp_path / "m.gguf", qwen_tokenizer_json, keys=keys)).config
    assert config.rope_scaling == RopeScaling(4.0, 4096)
    assert config.context_length == 16_384


AT = "tokenizer.ggml."
WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "another architecture": ({"general.architecture": "llama"}, "runs qwen3moe; the file says 'llama'"),
    "one part of several": ({"split.count": 3}, "one of several parts"),
    "no size": ({"qwen3moe.embedding_length": None}, "qwen3moe.embedding_length is missing"),
    "a size that is none": ({"qwen3moe.block_count": "two"}, "block_count is 'two', not an integer"),
    "no heads": ({"qwen3moe.attention.head_count": 0}, "num_heads must be a positive integer"),
    "values of another width": ({"qwen3moe.attention.value_length": 16}, "value_length is 16"),
    "a window": ({"qwen3moe.attention.sliding_window": 512}, "sliding_window is 512, which is not supported"),
    "shared experts": ({"qwen3moe.expert_shared_count": 1}, "expert_shared_count is 1"),
    "scaling": ({"qwen3moe.rope.scaling.type": "linear"}, "rope scaling 'linear' is not supported"),
    "layers without end": ({"qwen3moe.block_count": 1 << 30}, "keys describe a model of"),
    "experts without end": ({"qwen3moe.expert_count": 1 << 30}, r"ffn_gate_inp.weight has shape \[4, 64\]"),
    "another width": ({"qwen3moe.embedding_length": 128}, r"token_embd.weight has shape \[1024, 64\]"),
    "one layer fewer": ({"qwen3moe.block_count": 1}, r"unexpected tensor blk\.1\."),
    "another tokenizer": ({AT + "model": "llama"}, "tokenizer.ggml.model is 'llama'"),
    "another splitting": ({AT + "pre": "deepseek-llm"}, "tokenizer.ggml.pre is 'deepseek-llm'"),
    "no tokens": ({AT + "tokens": None}, "tokenizer.ggml.tokens is missing"),
    "tokens that are no texts": ({AT + "tokens": [1, 2]}, "tokens is .* not an array of texts"),
    "fewer kinds than tokens": ({AT + "token_type": [1]}, "1024 tokens, but 1 in"),
    "a kind that is none": ({AT + "token_type": [6] * 1024}, "the kind 6"),
    "merges of three": ({AT + "merges": ["a b c"]}, "'a b c' is not two tokens"),
    "merges of the unknown": ({AT + "merges": ["\u0436 b"]}, "not a tokenizer"),
    "an end beyond": ({AT + "eos_token_id": 5000}, "eos_token_id is 5000"),
    "a fim token beyond": ({AT + "fim_pre_token_id": 5000}, "fim_pre_token_id is 5000: no token"),
    "two fim tokens in one": (
        {AT + "fim_pre_token_id": 1003, AT + "fim_suf_token_id": 1003},
        "fim_suf_token_id is 1003: no token, or that of another key",
    ),
    "a card of half": ({"midfill.format": "qwen"}, r"midfill\.\*: .* missing"),
    "a card of more": ({"midfill.surprise": 1}, r"midfill\.\*: unknown field 'surprise'"),
    "a split that is none": ({"midfill.split": "("}, "not a tokenizer"),
    "a split without end": ({"midfill.split": "a" * 1001}, "more than 1000 characters"),
}


@pytest.mark.parametrize(("keys", "cause"), WRONG.values(), ids=WRONG.keys())
def test_what_a_file_says_wrong_is_told(
    tmp_path: Path, qwen_tokenizer_json: str, keys: dict[str, Any], cause: str
) -> None:
    path = write_qwen(tmp_path / "m.gguf", qwen_tokenizer_json, keys=keys)
    with pytest.raises(ModelError, match=cause) as caught:
        checked_entries(path, describe(path).config)
    assert str(caught.value).startswith(f"{path}: ")


def test_a_tensor_too_few_or_of_another_name_is_told(tmp_path: Path, qwen_tokenizer_json: str) -> None:
    def rename(weights: dict[str, np.ndarray]) -> None:
        weights["blk.1.attn_q.bias"] = weights.pop("blk.1.attn_k.weight")

    path = write_qwen(tmp_path / "m.gguf", qwen_tokenizer_json, change=rename)
    with pytest.raises(ModelError, match=r"blk\.1\.attn_k\.weight is missing"):
        load(path, "cpu")


@pytest.mark.parametrize("backend", ["native", "torch"])
@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (GGMLQuantizationType.F32, "blk.1.ffn_down_exps.weight"),
        (GGMLQuantizationType.BF16, "token_embd.weight"),
        (GGMLQuantizationType.Q8_0, "output_norm.weight"),
    ],
)
def test_weights_that_are_no_numbers_are_told(
    tmp_path: Path, qwen_tokenizer_json: str, backend: Any, kind: GGMLQuantizationType, name: str
) -> None:
    def spoil(weights: dict[str, np.ndarray]) -> None:
        weights[name].reshape(-1)[5] = np.nan

    path = write_qwen(tmp_path / "m.gguf", qwen_tokenizer_json, kind=kind, change=spoil)
    with pytest.raises(ModelError, match=f"{path}: {name} holds a weight that is not finite"):
        load(path, "cpu", backend)


def test_the_command_checks_a_file(
    exported: Callable[[str], Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(exported("bf16")) == 0
    assert capsys.readouterr().out == "tiny\n"
    cut = tmp_path / "cut.gguf"
    cut.write_bytes(exported("bf16").read_bytes()[:-1])
    assert main(cut) == 1
    assert f"{cut}: truncated" in capsys.readouterr().err


@given(st.data())
def test_a_flipped_byte_is_read_or_refused(
    exported: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory, data: Any
) -> None:
    content = bytearray(exported("q8_0").read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, 60_000))] ^= 1 << data.draw(st.integers(0, 7))
    path = tmp_path_factory.getbasetemp() / "flipped.gguf"
    path.write_bytes(content)
    try:
        checked_entries(path, describe(path).config)
    except ModelError as error:
        assert str(error).startswith(f"{path}: ")
