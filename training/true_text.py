"""Reads the true text behind a cursor with the engine's own parts, and tells what it would rather have had.

The prompt, the tokens that are allowed and the copies found are those of `inference/engine.py`; the tokens
are the truth's.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from inference.card import Card
from inference.copying import Continuation, Copies, CopySource
from inference.healing import PieceIndex
from inference.model import Chunk, Logits, Model
from inference.prompt import PromptWriter
from inference.sampler import TokenIds
from inference.tokenizer import Tokenizer
from training.cursors import Cursor
from training.outline import outline_of


@dataclass(frozen=True, slots=True)
class Position:
    """Before the true `token`: the model's own logits, (vocab_size,), the tokens that are `allowed`, what was
    `found` to copy, and the text before the cursor that is still `required`."""

    logits: Logits
    allowed: TokenIds
    found: Continuation | None
    required: bytes
    token: int


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
        self._copy_source = CopySource(tokenizer)
        self.end = card.stop_ids[0]
        self.index = PieceIndex(tokenizer, card.ends(tokenizer))

    def positions(self, cursor: Cursor) -> Iterator[Position]:
        """One for each token of the truth, and the last for the end."""
        outline = outline_of(cursor.prefix) if cursor.language == "python" else ()
        prompt = self._writer.write(replace(cursor.text, outline=outline))
        context = self._copy_source.around(cursor.prefix, cursor.suffix)
        sequence, waiting = self._model.new_sequence(), list(prompt.token_ids)
        required = prompt.required
        for token in [*self._tokenizer.encode(required.decode() + cursor.truth), self.end]:
            logits, waiting = self._model.forward([Chunk(sequence, waiting)])[0][-1], [token]
            allowed = self.index.agreeing(required, prompt.indented)
            yield Position(logits, allowed, context.continuation(required), required, token)
            piece = self.index.pieces[token]
            context = context.grown(piece[len(required) :])
            required = required[len(piece) :]

    def choices(self, cursor: Cursor) -> Iterator[Choice]:
        """What greedy decoding would have, at every position."""
        weights, pieces = self._card.copy_weights, self.index.pieces
        for at in self.positions(cursor):
            copies = at.found and Copies.of(at.found, weights, self.end, pieces) if weights else None
            logits = copies.mixed_into(at.logits) if copies else at.logits
            piece = pieces[int(at.allowed[logits[at.allowed].argmax()])]
            ends_line = piece[len(at.required) :].startswith(b"\n")
            yield Choice(not piece, ends_line, at.token == self.end)
