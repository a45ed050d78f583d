"""Reads the true text behind a cursor with the engine's own parts, and tells what it would rather have had.

The prompt, the tokens that are allowed and the copies mixed in are those of `inference/engine.py`, greedy;
the tokens are the truth's.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from inference.card import Card
from inference.copying import CopySource, mixed
from inference.healing import PieceIndex
from inference.model import Model
from inference.prompt import PromptText, PromptWriter
from inference.tokenizer import Tokenizer
from training.cursors import Cursor
from training.outline import outline_of


@dataclass(frozen=True, slots=True)
class Choice:
    """What is likeliest before a true token: the end of the answer, text that begins with a line end, or
    other text. `is_last`: the truth has no more tokens."""

    ends: bool
    ends_line: bool
    is_last: bool


class TrueText:
    """Steps along true texts. Needs a card with an end token."""

    def __init__(self, model: Model, tokenizer: Tokenizer, card: Card) -> None:
        self._model, self._tokenizer, self._card = model, tokenizer, card
        self._writer = PromptWriter(card, tokenizer, model.context_length)
        self._index = PieceIndex(tokenizer, frozenset({*card.stop_ids, *tokenizer.controls.values()}))

    def choices(self, cursor: Cursor) -> Iterator[Choice]:
        """One for each token of the truth, and the last for the end."""
        outline = outline_of(cursor.prefix) if cursor.language == "python" else ()
        prompt = self._writer.write(PromptText(cursor.prefix, cursor.suffix, outline=outline))
        source = CopySource(cursor.prefix, cursor.suffix, self._tokenizer)
        sequence, waiting = self._model.new_sequence(), list(prompt.token_ids)
        required, written = prompt.required, b""
        truth = self._tokenizer.encode(required.decode() + cursor.truth)
        for number in range(len(truth) + 1):
            logits = self._model.forward(sequence, waiting)
            found = source.after(written, required) if self._card.copy_weights else None
            if found is not None:
                weights, end = self._card.copy_weights, self._card.stop_ids[0]
                logits = mixed(logits, found, weights, end, self._index.pieces)
            allowed = self._index.agreeing(required, prompt.indented)
            piece = self._index.pieces[int(allowed[logits[allowed].argmax()])]
            yield Choice(not piece, piece[len(required) :].startswith(b"\n"), number == len(truth))
            if number < len(truth):
                waiting = [truth[number]]
                piece = self._index.pieces[truth[number]]
                written += piece[len(required) :]
                required = required[len(piece) :]
