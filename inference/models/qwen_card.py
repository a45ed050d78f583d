"""The card of a checkpoint that has none: Qwen's layout, if its tokenizer has the tokens for it."""

from __future__ import annotations

from inference.card import Card
from inference.model import ModelError
from inference.tokenizer import Tokenizer

_CONTROLS = ("<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>", "<|repo_name|>", "<|file_sep|>")


def qwen_card(name: str, tokenizer: Tokenizer, max_position: int, stop_ids: tuple[int, ...]) -> Card:
    """A card whose budgets fill half of `max_position`.

    Raises:
        ModelError: the tokenizer lacks a token of the layout.
    """
    missing = [control for control in _CONTROLS if control not in tokenizer.controls]
    if missing:
        raise ModelError(f"no card, and the tokenizer has no {missing[0]}: not a model that fills gaps")
    room = max_position // 2
    return Card(
        name=name,
        format="qwen",
        prefix_tokens=min(3072, room // 2),
        suffix_tokens=min(1024, room // 4),
        snippet_tokens=min(2048, room // 4),
        max_new_tokens=512,
        stop_ids=stop_ids,
    )
