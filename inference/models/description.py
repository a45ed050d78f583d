"""What a model says of itself, without its weights: read, and checked against each other.

    python -m inference.models.description PATH

PATH is a directory of Hugging Face's or a GGUF file. The command
checks all that can be checked without torch, prints the model's name, or what is wrong with exit code 1.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from inference.card import Card
from inference.json_file import read_json
from inference.model import ModelError
from inference.models.checkpoint import checked_entries
from inference.models.config import Qwen3MoeConfig
from inference.models.gguf_card import gguf_card
from inference.models.gguf_config import gguf_config
from inference.models.gguf_header import read_gguf
from inference.models.gguf_tokenizer import gguf_tokenizer
from inference.models.qwen_card import qwen_card
from inference.prompt import PromptWriter
from inference.tokenizer import Tokenizer


@dataclass(frozen=True, slots=True)
class Description:
    """The small files of a checkpoint, or the keys of a GGUF file. `card` may be made from the rest."""

    config: Qwen3MoeConfig
    tokenizer: Tokenizer
    card: Card


def describe(path: Path) -> Description:
    """Read config.json, tokenizer.json, card.json and generation_config.json of a directory, or a GGUF file.

    Raises:
        ModelError: naming the file and what is wrong with it.
    """
    try:
        if path.is_file():
            return _describe_gguf(path)
        if not path.is_dir():
            raise ModelError(f"{path}: no such model, neither a directory nor a GGUF file")
    except OSError as error:  # a name too long, a folder above it that is closed
        raise ModelError(f"{path}: {error.strerror or error}") from error
    return _describe_directory(path)


def _describe_gguf(path: Path) -> Description:
    header = read_gguf(path)
    try:
        config = gguf_config(header)
        tokenizer = gguf_tokenizer(header.metadata)
        card = gguf_card(path, header.metadata, tokenizer, config)
        PromptWriter(card, tokenizer, config.context_length)  # raises if the card asks for more than there is
        return Description(config, tokenizer, card)
    except ModelError as error:
        raise ModelError(f"{path}: {error}") from error


def _describe_directory(directory: Path) -> Description:
    config = Qwen3MoeConfig.from_file(directory / "config.json")
    tokenizer = Tokenizer.from_file(directory / "tokenizer.json")
    if tokenizer.vocab_size > config.vocab_size:
        raise ModelError(
            f"{directory / 'tokenizer.json'}: {tokenizer.vocab_size} tokens, "
            f"but config.json has a vocabulary of {config.vocab_size}"
        )
    card = _card(directory, tokenizer, config)
    try:
        PromptWriter(card, tokenizer, config.context_length)
    except ModelError as error:
        raise ModelError(f"{directory / 'card.json'}: {error}") from error
    return Description(config, tokenizer, card)


def main(path: Path) -> int:
    """Check a model, for `midfill doctor`."""
    try:
        description = describe(path)
        checked_entries(path, description.config)
    except ModelError as error:
        print(error, file=sys.stderr)
        return 1
    print(description.card.name)
    return 0


def _card(directory: Path, tokenizer: Tokenizer, config: Qwen3MoeConfig) -> Card:
    """The card of the directory; one made from the tokens for a checkpoint of Qwen's own, which has none."""
    path = directory / "card.json"
    stops = _end_ids(directory)
    if path.exists():
        card = Card.from_file(path)
        return card.with_stop_ids(stops)
    try:
        return qwen_card(directory.resolve().name, tokenizer, config.max_position, stops)
    except ModelError as error:
        raise ModelError(f"{directory}: {error}") from error


def _end_ids(directory: Path) -> tuple[int, ...]:
    """`eos_token_id` of generation_config.json. Its sampling defaults are for chat and are left alone."""
    path = directory / "generation_config.json"
    if not path.exists():
        return ()
    ends = read_json(path).get("eos_token_id")
    ends = ends if isinstance(ends, list) else [] if ends is None else [ends]
    if not all(type(end) is int and end >= 0 for end in ends):
        raise ModelError(f"{path}: eos_token_id must be a token id or a list of them")
    return tuple(ends)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
