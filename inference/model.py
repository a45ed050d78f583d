"""What the engine asks of a model: token ids in, logits out. Nothing here knows of torch."""

from __future__ import annotations

from collections.abc import Sequence as Ids
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

    def forward(self, sequence: Sequence, token_ids: Ids[int]) -> Logits:
        """Append at least one token; return the float32 logits (vocab_size,) after the last.

        Raises:
            ModelError: the sequence would outgrow `context_length`, or an id is outside the vocabulary.
        """
        ...
