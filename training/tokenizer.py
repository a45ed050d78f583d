"""Stage 2: a byte-level BPE tokenizer for code.

    python -m training.tokenizer --corpus DIR --out tokenizer.json

Merges run inside a line, across single spaces (after the JetBrains full-line model, arXiv 2405.08704),
and never across a line end; a line end and the indentation behind it are cut off together, so that one
token says "next line, this deep". Every digit is a token of its own. Control tokens take the first ids.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

SPECIAL_TOKENS = (
    "<|endoftext|>", "<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>", "<|file_sep|>", "<|repo_name|>",
)  # fmt: skip
END_OF_TEXT, FIM_PREFIX, FIM_MIDDLE, FIM_SUFFIX, FILE_SEP, REPO_NAME = range(len(SPECIAL_TOKENS))
# A line end with its indentation; a digit; words joined by single spaces; longer white space; anything else.
PIECE = r"\n[ \t]*| ?[0-9]|(?: ?[^\s0-9])+|[^\S\n]+|\s"


def new_tokenizer() -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(PIECE), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def sample(corpus: Path, max_bytes: int) -> Iterator[str]:
    """Every k-th document of the training split, k chosen so that about `max_bytes` are read."""
    train = corpus / "train.jsonl"
    stride = max(1, train.stat().st_size // max_bytes)
    with train.open(encoding="utf-8") as file:
        for number, line in enumerate(file):
            if number % stride == 0:
                yield json.loads(line)["text"]


def train(corpus: Path, vocab_size: int, max_bytes: int) -> Tokenizer:
    tokenizer = new_tokenizer()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=list(SPECIAL_TOKENS),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        min_frequency=10,
        show_progress=sys.stderr.isatty(),
    )
    tokenizer.train_from_iterator(sample(corpus, max_bytes), trainer)
    return tokenizer


def bytes_per_token(tokenizer: Tokenizer, texts: list[str]) -> float:
    tokens = sum(len(encoding.ids) for encoding in tokenizer.encode_batch(texts))
    return sum(len(text.encode()) for text in texts) / tokens


def main() -> int:
    parser = argparse.ArgumentParser(prog="training.tokenizer", description="Train the tokenizer.")
    parser.add_argument("--corpus", type=Path, required=True, help="folder that training.corpus wrote")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--vocab-size", type=int, default=8192)
    parser.add_argument("--max-mb", type=int, default=60, help="how much text to learn from")
    arguments = parser.parse_args()
    tokenizer = train(arguments.corpus, arguments.vocab_size, arguments.max_mb * 1_000_000)
    tokenizer.save(str(arguments.out))
    with (arguments.corpus / "heldout.jsonl").open(encoding="utf-8") as file:
        held_out = [json.loads(line)["text"] for line in file][:300]
    density = bytes_per_token(tokenizer, held_out)
    print(f"{arguments.out}: {tokenizer.get_vocab_size()} tokens, {density:.2f} bytes a token held out")
    return 0


if __name__ == "__main__":
    sys.exit(main())
