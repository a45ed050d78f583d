"""Tiny models on disk, random but valid, for every test that needs one."""

from __future__ import annotations

import ast
import json
import textwrap
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import settings
from safetensors.numpy import save_file
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

from inference.models.checkpoint import slots
from inference.models.config import Qwen3MoeConfig
from training.tokenizer import SPECIAL_TOKENS, new_tokenizer

# Qwen2's own, which merges one leading punctuation character with letters and trailing ones with line ends.
QWEN_PIECE = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
CARD = {
    "name": "tiny", "format": "midfill-spm", "prefix_tokens": 96, "suffix_tokens": 32,
    "snippet_tokens": 32, "max_new_tokens": 48, "stop_ids": [0],
}  # fmt: skip

# A deadline would fail a test for what else the machine is doing.
settings.register_profile("midfill", deadline=None)
settings.load_profile("midfill")

ModelMaker = Callable[..., Path]


def trained(tokenizer: Tokenizer, vocab_size: int, special_tokens: Sequence[str]) -> Tokenizer:
    """The tokenizer, trained on two modules of the standard library."""
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=list(special_tokens),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    texts = [Path(module.__file__).read_text(encoding="utf-8") for module in (ast, textwrap)]
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


@pytest.fixture(scope="session")
def tokenizer_json() -> str:
    """tokenizer.json of 1,024 tokens, laid out as the shipped one: whole lines are merged, control tokens are
    ids 0 to 5."""
    return trained(new_tokenizer(), 1024, SPECIAL_TOKENS).to_str()


@pytest.fixture(scope="session")
def qwen_tokenizer_json() -> str:
    """tokenizer.json of 1,008 tokens, laid out as Qwen's: control tokens last, FIM ones `special: false`."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(QWEN_PIECE), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trained(tokenizer, 1000, [])
    tokenizer.add_special_tokens(
        [AddedToken(name) for name in ("<|endoftext|>", "<|im_start|>", "<|im_end|>")]
    )
    tokenizer.add_tokens([AddedToken(name, special=False, normalized=False) for name in SPECIAL_TOKENS[1:]])
    return tokenizer.to_str()


@pytest.fixture(scope="session")
def make_model_dir(tokenizer_json: str, tmp_path_factory: pytest.TempPathFactory) -> ModelMaker:
    """make_model_dir(tokenizer=…, card=…, num_shards=…, seed=…, **config) → a new model directory.

    `card` of None leaves card.json out. Weights are float32, drawn from `seed`, the norms near one.
    """

    def make(
        *,
        tokenizer: str = tokenizer_json,
        card: dict[str, Any] | None = CARD,
        num_shards: int = 1,
        seed: int = 0,
        **config: Any,
    ) -> Path:
        directory = tmp_path_factory.mktemp("model")
        data = {
            "architectures": ["Qwen3MoeForCausalLM"], "model_type": "qwen3_moe", "vocab_size": 1024,
            "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
            "head_dim": 16, "num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 24,
            "intermediate_size": 48, "max_position_embeddings": 512, "norm_topk_prob": True,
            "tie_word_embeddings": True, "rope_theta": 10000.0, "rms_norm_eps": 1e-6, "dtype": "float32",
            **config,
        }  # fmt: skip
        (directory / "config.json").write_text(json.dumps(data))
        (directory / "tokenizer.json").write_text(tokenizer)
        (directory / "generation_config.json").write_text(
            json.dumps({"eos_token_id": 0, "do_sample": True, "temperature": 0.7, "repetition_penalty": 1.05})
        )
        if card is not None:
            (directory / "card.json").write_text(json.dumps(card))
        random = np.random.default_rng(seed)
        weights = {
            slot.name: (0.2 * random.standard_normal(slot.shape) + slot.name.endswith("norm.weight")).astype(
                np.float32
            )
            for slot in slots(Qwen3MoeConfig.from_json(data))
        }
        write_weights(directory, weights, num_shards)
        return directory

    return make


def write_weights(directory: Path, weights: dict[str, np.ndarray], num_shards: int) -> None:
    if num_shards == 1:
        save_file(weights, directory / "model.safetensors")
        return
    weight_map = {}
    for shard in range(num_shards):
        name = f"model-{shard + 1:05d}-of-{num_shards:05d}.safetensors"
        part = dict(list(weights.items())[shard::num_shards])
        save_file(part, directory / name)
        weight_map |= dict.fromkeys(part, name)
    (directory / "model.safetensors.index.json").write_text(
        json.dumps({"metadata": {}, "weight_map": weight_map})
    )


@pytest.fixture(scope="session")
def tiny_model_dir(make_model_dir: ModelMaker) -> Path:
    """A model directory of the shipped layout: config.json, model.safetensors, tokenizer.json,
    generation_config.json, card.json. Read-only by convention: shared by the whole session."""
    return make_model_dir()


@pytest.fixture(scope="session")
def make_scripted_model(make_model_dir: ModelMaker, tokenizer_json: str) -> Callable[[str], Path]:
    """make_scripted_model(text) → a model that writes this text, whatever the prompt, and then ends.

    Its layers add nothing, and its head maps the embedding of the text's nth token to the one after; every
    token that is not in the text leads to the first. So no token may come twice in the text.
    """

    def make(text: str) -> Path:
        ids = Tokenizer.from_str(tokenizer_json).encode(text, add_special_tokens=False).ids
        assert len(set(ids)) == len(ids) < 31, f"{text!r} has a token twice, or too many"
        directory = make_model_dir(tie_word_embeddings=False)
        config = Qwen3MoeConfig.from_json(json.loads((directory / "config.json").read_text()))
        weights = {slot.name: np.zeros(slot.shape, np.float32) for slot in slots(config)}
        for name in weights:
            if name.endswith("norm.weight"):
                weights[name] += 1.0
        embedding, head = weights["model.embed_tokens.weight"], weights["lm_head.weight"]
        embedding[:, 0] = 1.0
        for step, (token, following) in enumerate(zip([None, *ids], [*ids, 0], strict=True)):
            if token is not None:
                embedding[token] = np.eye(1, config.hidden_size, step)
            head[following, step] = 4.0  # so that every token is as good as certain
        write_weights(directory, weights, num_shards=1)
        return directory

    return make
