"""Model directories: what loads, and how each way to be broken is told, before memory is spent on it."""

import json
import shutil
import tracemalloc

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file

from inference.engine import Engine
from inference.model import ModelError
from inference.models.load import load
from tests.inference.models.logits import behind


@pytest.fixture
def directory(tiny_model_dir, tmp_path):
    """A copy to spoil."""
    return shutil.copytree(tiny_model_dir, tmp_path / "model")


def edit(directory, name, **fields):
    path = directory / name
    data = json.loads(path.read_text()) | fields
    path.write_text(json.dumps({key: value for key, value in data.items() if value is not ...}))


def edit_weights(directory, change):
    path = directory / "model.safetensors"
    weights = load_file(path)
    change(weights)
    save_file(weights, path)


def test_a_directory_loads(tiny_model_dir):
    model, tokenizer, card = load(tiny_model_dir, "cpu")
    assert (model.name, model.device, model.vocab_size, model.context_length) == ("tiny", "cpu", 1024, 512)
    assert card.stop_ids == (0,)
    assert tokenizer.vocab_size == 1024
    parameters = sum(array.size for array in load_file(tiny_model_dir / "model.safetensors").values())
    assert model.memory_bytes == 4 * parameters


def test_auto_takes_the_gpu_where_there_is_one(tiny_model_dir):
    expected = f"cuda ({torch.cuda.get_device_name()})" if torch.cuda.is_available() else "cpu"
    assert load(tiny_model_dir)[0].device == expected


def test_half_precision_weights_are_widened_on_a_cpu(directory, tiny_model_dir):
    edit_weights(
        directory, lambda weights: weights.update({k: v.astype(np.float16) for k, v in weights.items()})
    )
    edit(directory, "config.json", dtype="float16")
    ids = list(range(50))
    narrow, wide = (load(path, "cpu")[0] for path in (directory, tiny_model_dir))
    difference = behind(narrow, narrow.new_sequence(), ids) - behind(wide, wide.new_sequence(), ids)
    assert 0 < np.abs(difference).max() < 0.05


def test_end_tokens_come_from_generation_config_too(directory):
    edit(directory, "generation_config.json", eos_token_id=[0, 7])
    edit(directory, "card.json", stop_ids=[4])
    assert load(directory, "cpu")[2].stop_ids == (0, 4, 7)


def test_qwens_own_directories_need_no_card(make_model_dir, qwen_tokenizer_json):
    directory = make_model_dir(tokenizer=qwen_tokenizer_json, card=None)
    model, tokenizer, card = load(directory, "cpu")
    assert (card.name, card.format, card.stop_ids) == (directory.name, "qwen", (0,))
    Engine(model, tokenizer, card)  # its budgets fit the context


def test_a_tied_head_written_out_is_ignored(directory, tiny_model_dir):
    edit_weights(directory, lambda w: w.update({"lm_head.weight": w["model.embed_tokens.weight"].copy()}))
    load(directory, "cpu")


LAYER = "model.layers.1."


def without(name):
    return lambda weights: weights.pop(name)


def with_shape(name, *shape):
    return lambda weights: weights.update({name: np.zeros(shape, np.float32)})


def with_dtype(name, dtype):
    return lambda weights: weights.update({name: weights[name].astype(dtype)})


BAD_WEIGHTS = {
    "a tensor missing": (without(LAYER + "mlp.experts.3.up_proj.weight"), "mlp.experts.3.up_proj.weight"),
    "a tensor too many": (
        with_shape(LAYER + "self_attn.q_proj.bias", 64),
        "unexpected tensor model.layers.1.self_attn.q_proj.bias",
    ),
    "a shape that disagrees": (
        with_shape(LAYER + "self_attn.k_proj.weight", 32, 31),
        r"self_attn.k_proj.weight has shape \[32, 31\], config.json asks for \[32, 32\]",
    ),
    "integers": (with_dtype("model.norm.weight", np.int32), "model.norm.weight is I32; weights must be F32"),
}


@pytest.mark.parametrize(("change", "cause"), BAD_WEIGHTS.values(), ids=BAD_WEIGHTS.keys())
def test_weights_that_disagree_with_the_config(directory, change, cause):
    edit_weights(directory, change)
    with pytest.raises(ModelError, match=cause) as caught:
        load(directory, "cpu")
    assert str(directory) in str(caught.value)


BAD_CONFIGS = {
    "another architecture": (
        {"architectures": ["LlamaForCausalLM"], "model_type": "llama"},
        "LlamaForCausalLM",
    ),
    "a size missing": ({"num_hidden_layers": ...}, "num_hidden_layers is missing"),
    "more layers than there are": (
        {"num_hidden_layers": 3},
        "first missing: model.layers.2.input_layernorm.weight",
    ),
    "a billion layers": ({"num_hidden_layers": 10**9}, "44 tensors, but config.json describes a model of"),
    "fewer layers than there are": ({"num_hidden_layers": 1}, "unexpected tensor model.layers.1"),
    "a wider model": ({"hidden_size": 64}, r"embed_tokens.weight has shape \[1024, 32\]"),
    "a vocabulary of a billion": ({"vocab_size": 10**9}, "embed_tokens.weight has shape"),
    "a vocabulary smaller than the tokenizer's": ({"vocab_size": 1000}, "1024 tokens, but config.json has"),
    "an untied head that is not there": ({"tie_word_embeddings": False}, "lm_head.weight"),
    "another scaling of positions": ({"rope_parameters": {"rope_type": "longrope"}}, "longrope"),
}


@pytest.mark.parametrize(("fields", "cause"), BAD_CONFIGS.values(), ids=BAD_CONFIGS.keys())
def test_configs_that_disagree_cost_no_memory(directory, fields, cause):
    edit(directory, "config.json", **fields)
    tracemalloc.start()
    try:
        with pytest.raises(ModelError, match=cause):
            load(directory, "cpu")
        assert tracemalloc.get_traced_memory()[1] < 16 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "model.safetensors"])
def test_a_missing_file_is_named(directory, name):
    (directory / name).unlink()
    with pytest.raises(ModelError, match=name.replace(".", r"\.")):
        load(directory, "cpu")


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "model.safetensors", "card.json"])
@pytest.mark.parametrize("kept", [0.0, 0.5, 0.99])
def test_a_truncated_file_is_named(directory, name, kept):
    path = directory / name
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * kept)])
    with pytest.raises(ModelError, match=name.replace(".", r"\.")):
        load(directory, "cpu")


def test_a_missing_shard_is_named(make_model_dir):
    directory = make_model_dir(num_shards=3)
    (directory / "model-00002-of-00003.safetensors").unlink()
    with pytest.raises(ModelError, match="model-00002-of-00003"):
        load(directory, "cpu")


@pytest.mark.parametrize(
    ("weight_map", "cause"),
    [
        ({"model.norm.weight": "../../etc/passwd"}, "is not the name of a safetensors file"),
        ({"model.norm.weight": "/etc/x.safetensors"}, "is not the name of a safetensors file"),
        ({"model.norm.weight": 5}, "is not the name of a safetensors file"),
        ({"model.nothing": "model-00001-of-00003.safetensors"}, "model.nothing is missing, though"),
        ({}, "weight_map is missing"),
        ([], "weight_map is missing"),
    ],
)
def test_an_index_that_lies_is_refused(make_model_dir, weight_map, cause):
    directory = make_model_dir(num_shards=3)
    (directory / "model.safetensors.index.json").write_text(json.dumps({"weight_map": weight_map}))
    with pytest.raises(ModelError, match=cause):
        load(directory, "cpu")


def test_a_directory_without_a_fill_in_the_middle_tokenizer_is_refused(make_model_dir, tokenizer_json):
    data = json.loads(tokenizer_json)
    data["added_tokens"] = data["added_tokens"][:1]
    with pytest.raises(ModelError, match="not a model that fills gaps"):
        load(make_model_dir(tokenizer=json.dumps(data), card=None), "cpu")


def test_no_directory(tmp_path):
    with pytest.raises(ModelError, match="nowhere: no such model directory"):
        load(tmp_path / "nowhere")
    with pytest.raises(ModelError, match="nnn: File name too long"):
        load(tmp_path / ("n" * 300))


def test_devices_are_checked(tiny_model_dir, monkeypatch):
    with pytest.raises(ModelError, match="device must be auto, cpu or cuda, not 'tpu'"):
        load(tiny_model_dir, "tpu")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ModelError, match="torch sees no GPU"):
        load(tiny_model_dir, "cuda")


def test_end_tokens_must_be_ids(directory):
    edit(directory, "generation_config.json", eos_token_id="</s>")
    with pytest.raises(ModelError, match=r"generation_config\.json: eos_token_id"):
        load(directory, "cpu")
