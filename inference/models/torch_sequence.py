"""Keys and values of torch's sequences: each in one tensor, and a pool that counts what they take."""

from __future__ import annotations

from collections.abc import Sequence as Ids

from torch import Tensor

from inference.model import ModelError, OutOfPagesError
from inference.models.config import Qwen3MoeConfig

PAGE = 256
"""Tokens by which a cache grows at least."""


class TorchPool:
    """Pages are numbers here: a sequence has as many of its own as its tensor has room for, and a fork is a
    copy. So the engine bounds memory as it does with real pages.

    Args:
        like: dtype and device of the keys and values.
        max_length: tokens of a sequence.
    """

    __slots__ = ("_config", "_free", "_like", "_max_length", "_used", "num_pages")

    def __init__(self, config: Qwen3MoeConfig, like: Tensor, max_length: int, max_bytes: int) -> None:
        self._config = config
        self._like = like
        self._max_length = max_length
        token_bytes = 2 * config.num_layers * config.num_kv_heads * config.head_dim * like.element_size()
        self.num_pages = max_bytes // (PAGE * token_bytes)
        self._free: list[int] = []  # of those that were used once
        self._used = 0  # pages from here on never were

    @property
    def num_free(self) -> int:
        return self.num_pages - self._used + len(self._free)

    @property
    def page_tokens(self) -> int:
        return PAGE

    def new_sequence(self) -> TorchSequence:
        return TorchSequence(self, self.storage(0), self._max_length)

    def storage(self, capacity: int) -> Tensor:
        """(2, layers, capacity, kv heads, head_dim), not filled."""
        config = self._config
        return self._like.new_empty((2, config.num_layers, capacity, config.num_kv_heads, config.head_dim))

    def take(self, count: int) -> list[int]:
        """Numbers of pages that nobody has.

        Raises:
            OutOfPagesError: there are not as many.
        """
        if count > self.num_free:
            raise OutOfPagesError(f"{count} pages are needed, {self.num_free} of {self.num_pages} are free")
        taken = [self._free.pop() for _ in range(min(count, len(self._free)))]
        fresh = range(self._used, self._used + count - len(taken))
        self._used += len(fresh)
        return [*taken, *fresh]

    def give_back(self, pages: Ids[int]) -> None:
        self._free.extend(pages)


class TorchSequence:
    """Keys and values of one sequence: (2, layers, capacity, kv heads, head_dim), grown page by page.

    Invariant: positions below `length` are filled in every layer. A forward pass writes behind them layer by
    layer and moves `length` when all are done, so one that fails leaves the sequence as it was.
    """

    __slots__ = ("_max_length", "_pages", "_pool", "_storage", "length")

    def __init__(self, pool: TorchPool, storage: Tensor, max_length: int) -> None:
        self._pool = pool
        self._storage = storage
        self._max_length = max_length
        self._pages: list[int] = []
        self.length = 0

    def __del__(self) -> None:
        self._pool.give_back(self._pages)

    @property
    def pages(self) -> Ids[int]:
        return self._pages

    def reserve(self, count: int) -> None:
        """Make room for `count` more tokens.

        Raises:
            ModelError: they would exceed the context length.
            OutOfPagesError: or the pool.
        """
        needed, capacity = self.length + count, self._storage.shape[2]
        if needed > self._max_length:
            raise ModelError(f"{needed} tokens exceed the context of {self._max_length}")
        if needed > capacity:
            # By half at least: a long prompt in chunks then copies each token a bounded number of times.
            num_pages = -(-min(max(needed, capacity * 3 // 2), self._max_length) // PAGE)
            self._pages += self._pool.take(num_pages - len(self._pages))
            grown = self._pool.storage(min(num_pages * PAGE, self._max_length))
            grown[:, :, : self.length] = self._storage[:, :, : self.length]
            self._storage = grown

    def append(self, layer: int, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Store (n, g, c) keys and values behind `length`; return all of the layer's, (length + n, g, c)."""
        end = self.length + keys.shape[0]
        self._storage[0, layer, self.length : end] = keys
        self._storage[1, layer, self.length : end] = values
        return self._storage[0, layer, :end], self._storage[1, layer, :end]

    def truncate(self, length: int) -> None:
        if not 0 <= length <= self.length:
            raise ValueError(f"cannot truncate {self.length} tokens to {length}")
        self.length = length
        if length == 0:
            self._storage = self._pool.storage(0)
            self._pool.give_back(self._pages)
            self._pages = []

    def fork(self, length: int) -> TorchSequence:
        """A copy. Raises OutOfPagesError: there is no room for one."""
        if not 0 <= length <= self.length:
            raise ValueError(f"cannot fork {length} of {self.length} tokens")
        copy = self._pool.new_sequence()
        copy.reserve(length)
        copy._storage[:, :, :length] = self._storage[:, :, :length]
        copy.length = length
        return copy
