"""What an exported folder is to transformers: the same tokens, the same logits."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoTokenizer, Qwen3MoeForCausalLM

from inference.models.load import SHIPPED, load
from inference.tokenizer import Tokenizer
from tests.inference.models.logits import behind
from training.export import tokenizer_config_json

TEXTS = (
    Path(__file__).read_text(encoding="utf-8"),
    "int f(void)\n{\n\treturn  0x1F;   // 你好, naïve\r\n}\n",
    "  two blanks, then\n\n\n   three, 12345 and utf8\t\ttabs ",
    "",
)


@pytest.fixture
def folder(tiny_model_dir: Path, tmp_path: Path) -> Path:
    """A model directory with all the files of `training.export`."""
    copy = shutil.copytree(tiny_model_dir, tmp_path / "model")
    (copy / "tokenizer_config.json").write_text(json.dumps(tokenizer_config_json()))
    return copy


@pytest.mark.parametrize("text", TEXTS)
def test_transformers_encodes_text_as_the_engine_does(folder: Path, text: str) -> None:
    theirs, ours = AutoTokenizer.from_pretrained(folder), Tokenizer.from_file(folder / "tokenizer.json")
    assert theirs.encode(text) == ours.encode(text)
    assert theirs.decode(ours.encode(text)) == text
    assert (theirs.eos_token_id, len(theirs)) == (0, ours.vocab_size)


def test_without_the_configuration_transformers_would_split_text_in_another_way(folder: Path) -> None:
    (folder / "tokenizer_config.json").unlink()
    ours = Tokenizer.from_file(folder / "tokenizer.json")
    assert AutoTokenizer.from_pretrained(folder).encode(TEXTS[0]) != ours.encode(TEXTS[0])


def test_the_shipped_folder_has_it() -> None:
    assert json.loads((SHIPPED / "tokenizer_config.json").read_text()) == tokenizer_config_json()


@pytest.mark.parametrize("tied", [True, False])
def test_transformers_computes_the_logits_of_the_engine(make_model_dir, tied: bool) -> None:
    """Float32 on both sides; 1e-3 of logits up to about 10 leaves room for another order of summing."""
    folder = make_model_dir(tie_word_embeddings=tied)
    ids = list(range(5, 69))
    ours = load(folder, "cpu")[0]
    with torch.no_grad():
        theirs = Qwen3MoeForCausalLM.from_pretrained(folder, dtype=torch.float32)(torch.tensor([ids]))
    np.testing.assert_allclose(
        behind(ours, ours.new_sequence(), ids), theirs.logits[0, -1].numpy(), rtol=0, atol=1e-3
    )
