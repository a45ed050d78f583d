"""The GGUF file, read back with gguf's own reader. `benchmarks.llama_cpp` asks llama.cpp itself."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gguf import GGMLQuantizationType, GGUFReader, TokenType
from gguf.quants import dequantize
from safetensors.numpy import load_file, save_file

from inference.model import ModelError
from training.export_gguf import TYPES, check, export_gguf, main

LAYER_NAMES = {
    "attn_norm": "input_layernorm", "attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj", "attn_q_norm": "self_attn.q_norm", "attn_k_norm": "self_attn.k_norm",
    "attn_output": "self_attn.o_proj", "ffn_norm": "post_attention_layernorm", "ffn_gate_inp": "mlp.gate",
}  # fmt: skip
# Of the largest weight: half a step of 8 bits, of 11, or one of 127 steps with a scale of 11 bits; of 8 steps
# a whole one, since the other sign has only 7.
RELATIVE_ERROR = {
    "f32": 0.0,
    "bf16": 2**-8,
    "f16": 2**-11,
    "q8_0": 0.5 / 127 + 2**-11,
    "q4_0": 1 / 8 + 2**-11,
}


@pytest.fixture(scope="module")
def folder(make_model_dir: Any) -> Path:
    """Rows of 32 and 64, the blocks of q8_0; a vocabulary that is larger than the tokenizer's 1,024."""
    return make_model_dir(moe_intermediate_size=32, vocab_size=1040, tie_word_embeddings=False)


def expected_tensors(folder: Path) -> dict[str, np.ndarray]:
    """llama.cpp's names and shapes, from Hugging Face's."""
    source = load_file(folder / "model.safetensors")
    tensors = {
        "token_embd.weight": source["model.embed_tokens.weight"],
        "output_norm.weight": source["model.norm.weight"],
        "output.weight": source["lm_head.weight"],
    }
    for layer in range(2):
        at = f"model.layers.{layer}."
        for ours, theirs in LAYER_NAMES.items():
            tensors[f"blk.{layer}.{ours}.weight"] = source[f"{at}{theirs}.weight"]
        for kind in ("gate", "up", "down"):
            experts = [source[f"{at}mlp.experts.{expert}.{kind}_proj.weight"] for expert in range(4)]
            tensors[f"blk.{layer}.ffn_{kind}_exps.weight"] = np.stack(experts)
    return tensors


@pytest.mark.parametrize("type_name", TYPES)
def test_every_tensor_comes_back(folder: Path, tmp_path: Path, type_name: str) -> None:
    out = tmp_path / "m.gguf"
    assert export_gguf(folder, out, type_name) == out.stat().st_size
    assert list(tmp_path.iterdir()) == [out], "nothing else is left behind"
    found = {tensor.name: tensor for tensor in GGUFReader(out).tensors}
    expected = expected_tensors(folder)
    assert set(found) == set(expected)
    for name, want in expected.items():
        tensor = found[name]
        small = want.ndim == 1 or "ffn_gate_inp" in name
        kind = GGMLQuantizationType.F32 if small else TYPES[type_name][0]
        assert tensor.tensor_type == kind, name
        assert tuple(int(n) for n in reversed(tensor.shape)) == want.shape, name
        got = dequantize(tensor.data, tensor.tensor_type)
        error = 0.0 if small else RELATIVE_ERROR[type_name] * np.abs(want).max()
        np.testing.assert_allclose(got, want, rtol=0, atol=error, err_msg=name)


def test_metadata_and_tokenizer_come_back(folder: Path, tmp_path: Path) -> None:
    export_gguf(folder, tmp_path / "m.gguf", "bf16")
    fields = {name: field.contents() for name, field in GGUFReader(tmp_path / "m.gguf").fields.items()}
    assert {name: value for name, value in fields.items() if name.startswith("qwen3moe.")} == {
        "qwen3moe.vocab_size": 1040, "qwen3moe.context_length": 512, "qwen3moe.embedding_length": 32,
        "qwen3moe.block_count": 2, "qwen3moe.feed_forward_length": 32, "qwen3moe.attention.head_count": 4,
        "qwen3moe.attention.head_count_kv": 2, "qwen3moe.attention.key_length": 16,
        "qwen3moe.attention.value_length": 16, "qwen3moe.rope.dimension_count": 16,
        "qwen3moe.rope.freq_base": 10000.0, "qwen3moe.expert_count": 4, "qwen3moe.expert_used_count": 2,
        "qwen3moe.expert_feed_forward_length": 32,
        "qwen3moe.attention.layer_norm_rms_epsilon": pytest.approx(1e-6),
    }  # fmt: skip
    assert (fields["general.architecture"], fields["general.name"]) == ("qwen3moe", "tiny")
    assert "token ids" in fields["general.description"]
    assert (fields["midfill.format"], fields["midfill.stop_ids"]) == ("midfill-spm", [0])
    assert (fields["midfill.prefix_tokens"], fields["midfill.suffix_tokens"]) == (96, 32)
    assert "tokenizer.chat_template" not in fields

    at = "tokenizer.ggml."
    data = json.loads((folder / "tokenizer.json").read_text())
    vocabulary = {index: token for token, index in data["model"]["vocab"].items()}
    tokens = fields[at + "tokens"]
    assert tokens[:1024] == [vocabulary[index] for index in range(1024)]
    assert tokens[1024:] == [f"<|unused_{index}|>" for index in range(1024, 1040)]
    kinds = [TokenType.CONTROL] * 6 + [TokenType.NORMAL] * 1018 + [TokenType.UNUSED] * 16
    assert fields[at + "token_type"] == kinds
    assert [tuple(merge.split(" ")) for merge in fields[at + "merges"]] == [
        tuple(merge) for merge in data["model"]["merges"]
    ]
    assert (fields[at + "model"], fields[at + "pre"]) == ("gpt2", "superbpe")
    names = ("eos", "bos", "eot", "fim_pre", "fim_mid", "fim_suf", "fim_sep", "fim_rep")
    assert [fields[f"{at}{name}_token_id"] for name in names] == [0, 0, 0, 1, 2, 3, 4, 5]
    assert not fields[at + "add_bos_token"]
    assert not fields[at + "add_eos_token"]


def test_a_tied_head_is_not_written_twice(tiny_model_dir: Path, tmp_path: Path) -> None:
    export_gguf(tiny_model_dir, tmp_path / "m.gguf", "bf16")
    assert "output.weight" not in {tensor.name for tensor in GGUFReader(tmp_path / "m.gguf").tensors}


def with_weight(folder: Path, value: float) -> None:
    weights = load_file(folder / "model.safetensors")
    weights["model.layers.1.self_attn.q_proj.weight"][3, 3] = value
    save_file(weights, folder / "model.safetensors")


def with_config(folder: Path, **fields: Any) -> None:
    data = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(data | fields))


def with_pre_tokenizer(folder: Path) -> None:
    data = json.loads((folder / "tokenizer.json").read_text())
    data["pre_tokenizer"]["pretokenizers"][0]["pattern"]["Regex"] = "[a-z]+"
    (folder / "tokenizer.json").write_text(json.dumps(data))


REFUSED = {
    "beyond f16": (lambda f: with_weight(f, 1e6), "f16", "blk.1.attn_q.weight: .* take --type bf16"),
    "not finite": (
        lambda f: with_weight(f, np.nan),
        "bf16",
        r"q_proj\.weight holds a weight that is not finite",
    ),
    "odd rows": (lambda f: None, "q8_0", "ffn_down_exps.* rows of 24 do not divide .* take --type bf16"),
    "experts that do not add up": (lambda f: with_config(f, norm_topk_prob=False), "f16", "norm_topk_prob"),
    "stretched positions": (
        lambda f: with_config(f, rope_parameters={"rope_type": "yarn", "factor": 4.0}),
        "f16",
        "rope scaling is not exported; take it out",
    ),
    "another splitting of text": (
        with_pre_tokenizer,
        "f16",
        "tokenizer.json: splits text .* llama.cpp's own",
    ),
    "a truncated checkpoint": (
        lambda f: (f / "model.safetensors").write_bytes((f / "model.safetensors").read_bytes()[:-1]),
        "f16",
        "truncated",
    ),
}


@pytest.mark.parametrize(("spoil", "type_name", "cause"), REFUSED.values(), ids=REFUSED.keys())
def test_what_cannot_be_exported_is_told_and_leaves_no_file(
    tiny_model_dir: Path, tmp_path: Path, spoil: Any, type_name: str, cause: str
) -> None:
    model = shutil.copytree(tiny_model_dir, tmp_path / "model")
    spoil(model)
    (tmp_path / "out").mkdir()
    with pytest.raises(ModelError, match=cause):
        export_gguf(model, tmp_path / "out" / "m.gguf", type_name)
    assert not list((tmp_path / "out").iterdir())


def test_a_file_of_another_size_is_noticed(tiny_model_dir: Path, tmp_path: Path) -> None:
    out = tmp_path / "m.gguf"
    export_gguf(tiny_model_dir, out, "bf16")
    sizes = {tensor.name: int(tensor.n_bytes) for tensor in GGUFReader(out).tensors}
    assert check(out, sizes) == out.stat().st_size
    with pytest.raises(ModelError, match=r"output_norm.weight has 128 bytes, not 64"):
        check(out, sizes | {"output_norm.weight": 64})
    with out.open("ab") as file:
        file.write(b"\0")
    with pytest.raises(ModelError, match="is the disk full"):
        check(out, sizes)


def test_the_command(tiny_model_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--model", str(tiny_model_dir), "--type", "f16", "--out"]
    assert main([*arguments, str(tmp_path / "m.gguf")]) == 0
    assert "MB, f16" in capsys.readouterr().out
    assert main([*arguments, str(tmp_path / "nowhere" / "m.gguf")]) == 1
    assert "name a file in a folder with room" in capsys.readouterr().err
