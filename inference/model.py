"""What the engine asks of a model: token ids in, logits out. Nothing here knows of torch."""

from __future__ import annotations

from collections.abc import Sequence as Ids
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

Logits = npt.NDArray[np.float32]


class ModelError(Exception):
    """A model that cannot be loaded or run; the text names the file or tensor and the cause."""


class Sequence(Protocol):
    """Keys and values of one sequence of tokens, owned by one request or by the store of finished ones."""

    @property
    def length(self) -> int:
        """Tokens whose keys and values are stored."""
        ...

    @property
    def memory_bytes(self) -> int: ...

    def truncate(self, length: int) -> None:
        """Forget every token from position `length` on."""
        ...

    def fork(self, length: int) -> Sequence:
        """A copy of the first `length` tokens, independent of this one."""
        ...


@dataclass(frozen=True, slots=True)
class Chunk:
    """Tokens to append to a sequence in one step, and how many of the last to tell the logits behind.

    With `num_logits` of 0, for a part of a prompt, the model need not compute any.
    """

    sequence: Sequence
    token_ids: Ids[int]
    num_logits: int = 1


class Model(Protocol):
    """One loaded model. Used from one thread at a time."""

    @property
    def name(self) -> str: ...

    @property
    def device(self) -> str:
        """Where it runs, for people: "cpu", "cuda (NVIDIA H100)"."""
        ...

    @property
    def vocab_size(self) -> int: ...

    @property
    def context_length(self) -> int: ...

    @property
    def memory_bytes(self) -> int:
        """Bytes of the weights."""
        ...

    def new_sequence(self) -> Sequence: ...

    def forward(self, chunks: Ids[Chunk]) -> list[Logits]:
        """One step: append each chunk to its sequence; return the logits of each, float32
        (num_logits, vocab_size), those behind its last tokens in order.

        Raises:
            ModelError: `check_chunks` refuses them. Whatever is raised, every sequence is as it was.
        """
        ...


def check_chunks(chunks: Ids[Chunk], vocab_size: int, context_length: int) -> None:
    """Whether a model may compute these in one step.

    Raises:
        ModelError: a chunk has no tokens or one outside the vocabulary, its sequence would outgrow
            `context_length`, it wants logits behind more tokens than it has, or a sequence comes twice.
    """
    if len({id(chunk.sequence) for chunk in chunks}) < len(chunks):
        raise ModelError("a sequence can be appended to only once in a step")
    for chunk in chunks:
        ids = chunk.token_ids
        if not ids or min(ids) < 0 or max(ids) >= vocab_size:
            raise ModelError(f"token ids must be from 0 to {vocab_size - 1}, and at least one")
        if (needed := chunk.sequence.length + len(ids)) > context_length:
            raise ModelError(f"{needed} tokens exceed the context of {context_length}")
        if not 0 <= chunk.num_logits <= len(ids):
            raise ModelError(f"there are no logits behind {chunk.num_logits} of {len(ids)} tokens")
