"""Stage 2: a byte-level BPE tokenizer for code.

    python -m training.tokenizer --corpus DIR --out tokenizer.json

Merges run inside a line, across single spaces (after the JetBrains full-line model, arXiv 2405.08704),
and never across a line end; a line end and the indentation behind it are cut off together, so that one
token says "next line, this deep". Every digit is a token of its own. Control tokens take the first ids.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

from training.sources import read_manifest

SPECIAL_TOKENS = (
    "<|endoftext|>", "<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>", "<|file_sep|>", "<|repo_name|>",
)  # fmt: skip
END_OF_TEXT, FIM_PREFIX, FIM_MIDDLE, FIM_SUFFIX, FILE_SEP, REPO_NAME = range(len(SPECIAL_TOKENS))
# A line end with its indentation; a digit; words joined by single spaces; longer white space; anything else.
PIECE = r"\n[ \t]*| ?[0-9]|(?: ?[^\s0-9])+|[^\S\n]+|\s"

# A source of a named part counts this much more than in training: what is rare and costs many tokens.
PART_WEIGHT = 4


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


def sample(corpus: Path, max_bytes: int, weights: Mapping[str, float] | None = None) -> Iterator[str]:
    """About `max_bytes` of the training split: each document 0, 1 or more times, by its source's weight (1
    for one that has none). The same every time."""

    def documents() -> Iterator[tuple[str, float]]:
        with (corpus / "train.jsonl").open(encoding="utf-8") as file:
            for line in file:
                record = json.loads(line)
                yield record["text"], (weights or {}).get(record["source"], 1.0)

    share = max_bytes / max(1.0, sum(len(text.encode()) * weight for text, weight in documents()))
    rng = random.Random(1)
    for text, weight in documents():
        times = weight * min(1.0, share)
        for _ in range(int(times) + (rng.random() < times % 1)):
            yield text


def train(
    corpus: Path, vocab_size: int, max_bytes: int, weights: Mapping[str, float] | None = None
) -> Tokenizer:
    """A tokenizer for what `sample` gives."""
    tokenizer = new_tokenizer()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=list(SPECIAL_TOKENS),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        min_frequency=10,
        show_progress=sys.stderr.isatty(),
    )
    tokenizer.train_from_iterator(sample(corpus, max_bytes, weights), trainer)
    return tokenizer


def bytes_per_token(tokenizer: Tokenizer, texts: list[str]) -> float:
    tokens = sum(len(encoding.ids) for encoding in tokenizer.encode_batch(texts))
    return sum(len(text.encode()) for text in texts) / tokens


def main() -> int:
    parser = argparse.ArgumentParser(prog="training.tokenizer", description="Train the tokenizer.")
    parser.add_argument("--corpus", type=Path, required=True, help="folder that training.corpus wrote")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--manifest", type=Path, default=Path(__file__).with_name("corpus.toml"))
    parser.add_argument("--vocab-size", type=int, default=8192)
    parser.add_argument("--max-mb", type=int, default=60, help="how much text to learn from")
    arguments = parser.parse_args()
    weights = {
        source.name: source.passes * (PART_WEIGHT if source.part else 1)
        for source in read_manifest(arguments.manifest)
    }
    tokenizer = train(arguments.corpus, arguments.vocab_size, arguments.max_mb * 1_000_000, weights)
    tokenizer.save(str(arguments.out))
    with (arguments.corpus / "heldout.jsonl").open(encoding="utf-8") as file:
        held_out = [json.loads(line)["text"] for line in file][:300]
    density = bytes_per_token(tokenizer, held_out)
    print(f"{arguments.out}: {tokenizer.get_vocab_size()} tokens, {density:.2f} bytes a token held out")
    return 0


if __name__ == "__main__":
    sys.exit(main())
