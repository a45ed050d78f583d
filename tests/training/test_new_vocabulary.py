"""Embeddings for another tokenizer."""

import json
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from tokenizers import pre_tokenizers, trainers

from inference.tokenizer import Tokenizer
from training.new_vocabulary import EMBEDDINGS, main, spellings, transferred
from training.tokenizer import SPECIAL_TOKENS, new_tokenizer


def _trained(path: Path, text: str, controls: tuple[str, ...]) -> Tokenizer:
    tokenizer = new_tokenizer()
    tokenizer.train_from_iterator(
        [text] * 20,
        trainers.BpeTrainer(
            vocab_size=400,
            special_tokens=list(controls),
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        ),
    )
    tokenizer.save(str(path))
    return Tokenizer.from_file(path)


@pytest.fixture
def old(tmp_path: Path) -> Tokenizer:
    return _trained(tmp_path / "old.json", "return value\nreturn other\n", SPECIAL_TOKENS[:-1])


@pytest.fixture
def new(tmp_path: Path) -> Tokenizer:
    return _trained(tmp_path / "new.json", "return valueother\nraise value\n", SPECIAL_TOKENS)


def _id(tokenizer: Tokenizer, piece: bytes) -> int:
    return tokenizer.pieces.index(piece)


def test_what_both_have_keeps_its_row_whatever_its_number(old: Tokenizer, new: Tokenizer) -> None:
    spelled = spellings(old, new)
    both = (set(old.pieces) & set(new.pieces)) - {b""}
    assert len(both) > 20
    assert all(spelled[_id(new, piece)] == [_id(old, piece)] for piece in both)
    assert spelled[new.controls["<|fim_middle|>"]] == [old.controls["<|fim_middle|>"]]


def test_a_new_token_is_the_mean_of_what_it_was(old: Tokenizer, new: Tokenizer) -> None:
    piece = next(p for p in new.pieces if len(p) > 2 and p not in old.pieces)
    spelled = spellings(old, new)[_id(new, piece)]
    assert b"".join(old.pieces[i] for i in spelled) == piece
    rows = torch.randn(len(old.pieces), 8)
    made = transferred(rows, [spelled, []])
    torch.testing.assert_close(made[0], rows[spelled].mean(0))
    torch.testing.assert_close(made[1], rows.mean(0))


def test_a_checkpoint_keeps_all_else(old: Tokenizer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = tmp_path / "model"
    model.mkdir()
    (tmp_path / "old.json").rename(model / "tokenizer.json")
    new = _trained(tmp_path / "new.json", "raise value\n", SPECIAL_TOKENS)
    (model / "config.json").write_text(json.dumps({"vocab_size": len(old.pieces), "hidden_size": 8}))
    tensors = {EMBEDDINGS[0]: torch.randn(len(old.pieces), 8), "model.norm.weight": torch.randn(8)}
    save_file(tensors, model / "model.safetensors")
    out = tmp_path / "out"
    arguments = ["--model", str(model), "--tokenizer", str(tmp_path / "new.json"), "--out", str(out)]
    monkeypatch.setattr(sys, "argv", ["training.new_vocabulary", *arguments])
    assert main() == 0
    made = load_file(out / "model.safetensors")
    assert torch.equal(made["model.norm.weight"], tensors["model.norm.weight"])
    assert made[EMBEDDINGS[0]].shape == (len(new.pieces), 8)
    assert json.loads((out / "config.json").read_text()) == {"vocab_size": len(new.pieces), "hidden_size": 8}
    assert Tokenizer.from_file(out / "tokenizer.json").pieces == new.pieces
