"""Bytes a token, by language and part, and what is said of files that are not there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from training.compare_tokenizers import bytes_a_token, held_out_texts, main, table
from training.tokenizer import sample
from training.tokenizer import train as train_tokenizer

MANIFEST = """
[[source]]
kind = "git"
name = "a/chinese"
version = "0"
licence = "MIT"
part = "chinese"
held_out = true
"""


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    records = [
        {"source": "a/chinese", "path": "a.py", "text": "打开文件 = 1\n" * 40, "language": "python"},
        {"source": "b/plain", "path": "b.py", "text": "open_file = 1\n" * 40, "language": "python"},
        {"source": "b/plain", "path": "b.go", "text": "package main\n" * 40, "language": "go"},
    ]
    text = "".join(json.dumps(record) + "\n" for record in records)
    for split in ("train", "heldout"):
        (tmp_path / f"{split}.jsonl").write_text(text)
    (tmp_path / "manifest.toml").write_text(MANIFEST)
    return tmp_path


def test_texts_are_grouped_by_language_and_part(corpus: Path) -> None:
    groups = held_out_texts(corpus, {"a/chinese": "chinese"}, 10**6)
    assert {name: len(texts) for name, texts in groups.items()} == {"python": 2, "part chinese": 1, "go": 1}
    assert len(held_out_texts(corpus, {}, 10)["python"]) == 1


def test_a_table_of_two_says_how_many_fewer(corpus: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bare = train_tokenizer(corpus, vocab_size=262, max_bytes=10**6)
    trained = train_tokenizer(corpus, vocab_size=400, max_bytes=10**6)
    assert bytes_a_token(bare, ["naïve <|endoftext|>"]) == 1
    assert bytes_a_token(trained, ["package main\n"]) > 2
    (corpus / "bare.json").write_text(bare.to_str())
    (corpus / "trained.json").write_text(trained.to_str())
    names = [f"trained={corpus}/trained.json", f"bare={corpus}/bare.json"]
    assert main([*names, "--corpus", str(corpus), "--manifest", str(corpus / "manifest.toml")]) == 0
    heads, *rows = capsys.readouterr().out.splitlines()
    assert heads.split() == ["kB", "trained", "bare", "fewer"]
    assert {row.rsplit(maxsplit=4)[0].strip() for row in rows} == {"python", "part chinese", "go"}
    for row in rows:
        dense, plain, fewer = row.split()[-3:]
        assert float(plain) == 1
        assert float(fewer.rstrip("%")) == pytest.approx(100 * (1 - 1 / float(dense)), abs=0.5)
    assert "fewer" not in table({"go": ["package main"]}, {"bare": bare})


@pytest.mark.parametrize(
    ("tokenizer", "words"), [("ours=missing.json", "no such file"), ("missing.json", "NAME=FILE")]
)
def test_what_is_missing_is_named(
    corpus: Path, tokenizer: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        code = main([tokenizer, "--corpus", str(corpus)])
    except SystemExit as exit_:
        code = int(exit_.code or 0)
    assert code != 0
    assert words in capsys.readouterr().err


def test_a_sample_has_each_document_as_often_as_its_source_weighs(corpus: Path) -> None:
    def chosen(max_bytes: int, **weights: float) -> list[str]:
        return list(sample(corpus, max_bytes, {name.replace("_", "/"): w for name, w in weights.items()}))

    assert len(chosen(10**6)) == 3
    assert [text[:4] for text in chosen(10**6, b_plain=2)] == ["打开文件", "open", "open", "pack", "pack"]
    assert chosen(10**6, a_chinese=0) == chosen(10**6)[1:]
    assert chosen(10**6, b_plain=1.5) == chosen(10**6, b_plain=1.5)
    assert sum(len(text.encode()) for text in chosen(700)) < 1500
