"""What the native modules have, for type checkers and readers; bindings.cpp is where it is made."""

from __future__ import annotations

from collections.abc import Sequence as Items
from typing import Literal, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

PAGE_TOKENS = 32
"""`kPage` of pages.h."""

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
    def pages(self) -> list[int]:
        """Their numbers, in the order of positions."""
        ...

    def truncate(self, length: int) -> None: ...

    def fork(self, length: int) -> Sequence: ...


class PagePool(Protocol):
    """A fixed number of pages, `PAGE_TOKENS` positions each."""

    @property
    def num_pages(self) -> int: ...

    @property
    def num_free(self) -> int: ...

    def new_sequence(self) -> Sequence: ...


class Model(Protocol):
    """Weights and the threads that compute with them. One call at a time."""

    def new_pool(self, num_pages: int) -> PagePool: ...

    def forward(
        self, sequences: Items[Sequence], ids: Items[Items[int]], num_logits: Items[int]
    ) -> npt.NDArray[np.float32]:
        """Append ids[i] to sequences[i], each another one; the logits behind the last num_logits[i] of them,
        (their sum, vocabulary).

        Raises:
            MemoryError: the sequences' pool has not enough free pages.
            ValueError, IndexError: no tokens, one that is not in the vocabulary, or beyond the context; more
                logits than tokens; lists of unequal length.
        """
        ...


class Choose(Protocol):
    """A row of logits to tokens (choose.h)."""

    def __call__(
        self,
        logits: npt.NDArray[np.float32],
        allowed: npt.NDArray[np.int64] | None,
        forbidden: npt.NDArray[np.int64],
        count: int,
        tokens: Items[int] = (),
        shares: Items[float] = (),
        line_ends: Items[bool] = (),
        weight: float = 0.0,
        end: int = 0,
    ) -> list[tuple[int, float]]:
        """The `count` likeliest of `allowed`, or of all but `forbidden`, and their log-probabilities there.

        `tokens` with their `shares` are mixed in with `weight`; those of `line_ends` share with `end` as the
        logits have it. Nothing comes back if a logit is NaN or infinity, or none is above minus infinity.

        Raises:
            ValueError, IndexError: a token that is not in the vocabulary, lengths that differ, or a weight of
                1 or more.
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

    choose: Choose

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
