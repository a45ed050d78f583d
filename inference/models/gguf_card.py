"""The card of a GGUF file: what `training.export_gguf` wrote under `midfill.`, or Qwen's layout."""

from __future__ import annotations

from pathlib import Path

from inference.card import Card
from inference.model import ModelError
from inference.models.config import Qwen3MoeConfig
from inference.models.gguf_metadata import Metadata
from inference.models.gguf_tokenizer import SPLIT
from inference.models.qwen_card import qwen_card
from inference.tokenizer import Tokenizer

PREFIX = "midfill."
_ENDS = ("eos", "eot")


def gguf_card(path: Path, metadata: Metadata, tokenizer: Tokenizer, config: Qwen3MoeConfig) -> Card:
    """The card; its name is the file's if the file gives the model none.

    Raises:
        ModelError: a field is missing, malformed or unknown; or nothing says how to fill gaps.
    """
    fields: dict[str, object] = dict(metadata.under(PREFIX))
    fields.pop(SPLIT.removeprefix(PREFIX), None)
    stops = _end_ids(metadata, config.vocab_size)
    name = metadata.text("general.name", "") or path.stem
    if not fields:
        return qwen_card(name[:200], tokenizer, config.max_position, stops)
    if isinstance(odds := fields.get("calibration"), list):
        # GGUF has no lists of pairs that every reader takes: they lie one behind the other.
        fields["calibration"] = [odds[at : at + 2] for at in range(0, len(odds), 2)]
    try:
        card = Card.from_json({"name": name, **fields})
    except ModelError as error:
        raise ModelError(f"{PREFIX}*: {error}") from error
    return card.with_stop_ids(stops)


def _end_ids(metadata: Metadata, vocab_size: int) -> tuple[int, ...]:
    keys = [f"tokenizer.ggml.{name}_token_id" for name in _ENDS]
    ids = {key: metadata.integer(key) for key in keys if key in metadata}
    for key, index in ids.items():
        if not 0 <= index < vocab_size:
            raise ModelError(f"{key} is {index}, but there are {vocab_size} tokens")
    return tuple(sorted(set(ids.values())))
