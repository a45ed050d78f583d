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


class OutOfPagesError(Exception):
    """Every page is some sequence's. Nothing has changed; the same goes well once pages were given back."""


class Sequence(Protocol):
    """Keys and values of one sequence of tokens, owned by one request or by the tree of known prefixes.

    One that nobody refers to any more gives its pages back.
    """

    @property
    def length(self) -> int:
        """Tokens whose keys and values are stored."""
        ...

    @property
    def pages(self) -> Ids[int]:
        """The numbers of the pages that it has, alone or with others."""
        ...

    def truncate(self, length: int) -> None:
        """Forget every token from position `length` on. Of 0 it has no pages."""
        ...

    def fork(self, length: int) -> Sequence:
        """The first `length` tokens as a sequence that is independent of this one.

        Raises:
            OutOfPagesError: only where a fork is a copy.
        """
        ...


class Pool(Protocol):
    """Memory for the keys and values of a fixed number of pages.

    Invariant: `num_free` and the different pages of all its sequences together are `num_pages`.
    """

    @property
    def num_pages(self) -> int: ...

    @property
    def num_free(self) -> int: ...

    @property
    def page_tokens(self) -> int:
        """Positions of a page."""
        ...

    def new_sequence(self) -> Sequence: ...


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
    def max_exact_tokens(self) -> int:
        """Chunks of so many tokens at most have the same logits to the bit as their tokens one at a time,
        whatever else is in the step; 1 where that is not promised."""
        ...

    @property
    def memory_bytes(self) -> int:
        """Bytes of the weights."""
        ...

    def new_pool(self, max_bytes: int) -> Pool:
        """As many pages as `max_bytes` have room for; memory is taken as they are used."""
        ...

    def new_sequence(self) -> Sequence:
        """One in a pool of its own, with room for itself and a few forks: for callers that have no pool."""
        ...

    def forward(self, chunks: Ids[Chunk]) -> list[Logits]:
        """One step: append each chunk to its sequence; return the logits of each, float32
        (num_logits, vocab_size), those behind its last tokens in order.

        Raises:
            OutOfPagesError: a pool has no room for them.
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
