"""What a model directory says of itself, without its weights: read, and checked against each other.

    python -m inference.models.description DIRECTORY

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
from inference.prompt import PromptWriter
from inference.tokenizer import Tokenizer

_QWEN_CONTROLS = ("<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>", "<|repo_name|>", "<|file_sep|>")


@dataclass(frozen=True, slots=True)
class Description:
    """The small files of a checkpoint. `card` is made from the others where there is no card.json."""

    config: Qwen3MoeConfig
    tokenizer: Tokenizer
    card: Card


def describe(directory: Path) -> Description:
    """Read config.json, tokenizer.json, card.json and generation_config.json.

    Raises:
        ModelError: naming the file and what is wrong with it.
    """
    try:
        if not directory.is_dir():
            raise ModelError(f"{directory}: no such model directory")
    except OSError as error:  # a name too long, a folder above it that is closed
        raise ModelError(f"{directory}: {error.strerror or error}") from error
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


def main(directory: Path) -> int:
    """Check a directory, for `midfill doctor`."""
    try:
        description = describe(directory)
        checked_entries(directory, description.config)
    except ModelError as error:
        print(error, file=sys.stderr)
        return 1
    print(description.card.name)
    return 0


def _card(directory: Path, tokenizer: Tokenizer, config: Qwen3MoeConfig) -> Card:
    """The card of the directory; for a checkpoint of Qwen's own, which has none, one made from its tokens."""
    path = directory / "card.json"
    stops = _end_ids(directory)
    if path.exists():
        card = Card.from_file(path)
        return card.with_stop_ids(stops)
    missing = [name for name in _QWEN_CONTROLS if name not in tokenizer.controls]
    if missing:
        raise ModelError(
            f"{directory}: no card.json, and the tokenizer has no {missing[0]}: not a model that fills gaps"
        )
    room = config.max_position // 2
    return Card(
        name=directory.resolve().name,
        format="qwen",
        prefix_tokens=min(3072, room // 2),
        suffix_tokens=min(1024, room // 4),
        snippet_tokens=min(2048, room // 4),
        max_new_tokens=512,
        stop_ids=stops,
    )


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
