"""What the native modules have, for type checkers and readers; bindings.cpp is where it is made."""

from __future__ import annotations

from collections.abc import Sequence as Items
from typing import Literal, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

Packed: TypeAlias = npt.NDArray[np.uint16] | npt.NDArray[np.uint8]
"""A matrix as kernels/cpu/matrix.h lays it out: uint16 is bfloat16, uint8 is int8 or int4 with its scales."""

Format = Literal["bf16", "int8", "int4"]


class Dimensions(Protocol):
    """A model's: what `Native.Shape` makes."""


class Sequence(Protocol):
    """Keys and values in pages that sequences share."""

    @property
    def length(self) -> int: ...

    @property
    def memory_bytes(self) -> int:
        """Of its pages, those it shares among them."""
        ...

    def truncate(self, length: int) -> None: ...

    def fork(self, length: int) -> Sequence: ...


class Model(Protocol):
    """Weights and the threads that compute with them. One call at a time."""

    def new_sequence(self) -> Sequence: ...

    def forward(self, sequences: Items[Sequence], ids: Items[Items[int]]) -> npt.NDArray[np.float32]:
        """Append ids[i] to sequences[i]; the logits behind the last of each, (sequences, vocabulary).

        Raises:
            ValueError, IndexError: no tokens, one that is not in the vocabulary, or beyond the context.
        """
        ...


class Native(Protocol):
    """A native module."""

    __name__: str

    def Shape(  # noqa: N802 - a class
        self, *, vocabulary: int, hidden: int, layers: int, heads: int, groups: int, head_size: int,
        experts: int, top_k: int, expert_size: int, context: int, epsilon: float, normalise: bool,
    ) -> Dimensions: ...  # fmt: skip

    def Model(  # noqa: N802 - a class
        self, shape: Dimensions, tensors: dict[str, npt.NDArray[np.generic]], tied: bool, threads: int
    ) -> Model: ...

    def pack(
        self,
        values: npt.NDArray[np.uint16] | npt.NDArray[np.float32],
        alternate: int = 0,
        format: Format = "bf16",
    ) -> Packed:
        """(rows, columns) bfloat16 or float32 → packed; columns are a multiple of 32. With `alternate`, of
        every 2 * alternate rows the first half's blocks of 16 and the second half's in turns.

        Raises:
            ValueError: the shape does not fit, or a value is not finite.
        """
        ...

    def product(
        self, weights: Packed, rows: int, x: npt.NDArray[np.float32], tiled: bool = False
    ) -> npt.NDArray[np.float32]:
        """(n, columns) times packed weights → (n, rows), on vectors or in tiles; for tests."""
        ...

    @property
    def tiles(self) -> bool:
        """Whether the module has tiles."""
        ...
