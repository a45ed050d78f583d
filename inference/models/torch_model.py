"""The engine's model, computed by torch."""

from __future__ import annotations

from collections.abc import Sequence as Ids

import torch
from torch import Tensor

from inference.model import Chunk, Logits, ModelError, Sequence, check_chunks
from inference.models.config import Qwen3MoeConfig
from inference.models.qwen3_moe import Qwen3Moe

PAGE = 256
"""Tokens by which a cache grows at least."""


class TorchSequence:
    """Keys and values of one sequence: (2, layers, capacity, kv heads, head_dim), grown page by page.

    Invariant: positions below `length` are filled in every layer. A forward pass writes behind them layer by
    layer and moves `length` when all are done, so one that fails leaves the sequence as it was.
    """

    __slots__ = ("_config", "_max_length", "_storage", "length")

    def __init__(self, config: Qwen3MoeConfig, storage: Tensor, length: int, max_length: int) -> None:
        self._config = config
        self._storage = storage
        self._max_length = max_length
        self.length = length

    @classmethod
    def empty(cls, config: Qwen3MoeConfig, like: Tensor, max_length: int) -> TorchSequence:
        """No tokens and no memory yet; dtype and device are those of `like`."""
        shape = (2, config.num_layers, 0, config.num_kv_heads, config.head_dim)
        return cls(config, like.new_empty(shape), 0, max_length)

    @property
    def memory_bytes(self) -> int:
        return self._storage.nbytes

    def reserve(self, count: int) -> None:
        """Make room for `count` more tokens.

        Raises:
            ModelError: they would exceed the context length.
        """
        needed, capacity = self.length + count, self._storage.shape[2]
        if needed > self._max_length:
            raise ModelError(f"{needed} tokens exceed the context of {self._max_length}")
        if needed > capacity:
            # By half at least: a long prompt in chunks then copies each token a bounded number of times.
            pages = -(-max(needed, capacity * 3 // 2) // PAGE)
            shape = list(self._storage.shape)
            shape[2] = min(pages * PAGE, self._max_length)
            grown = self._storage.new_empty(shape)
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

    def fork(self, length: int) -> TorchSequence:
        if not 0 <= length <= self.length:
            raise ValueError(f"cannot fork {length} of {self.length} tokens")
        copy = TorchSequence.empty(self._config, self._storage, self._max_length)
        copy.reserve(length)
        copy._storage[:, :, :length] = self._storage[:, :, :length]
        copy.length = length
        return copy


class TorchModel:
    """`inference.model.Model` over one Qwen3-MoE on one device."""

    __slots__ = ("_network", "context_length", "device", "memory_bytes", "name", "vocab_size")

    def __init__(self, network: Qwen3Moe, name: str) -> None:
        self._network = network
        weight = network.embed_tokens
        self.name = name
        self.vocab_size = network.config.vocab_size
        self.context_length = network.config.context_length
        self.memory_bytes = sum(parameter.nbytes for parameter in network.parameters())
        gpu = f" ({torch.cuda.get_device_name(weight.device)})" if weight.device.type == "cuda" else ""
        self.device = f"{weight.device.type}{gpu}"

    def new_sequence(self) -> TorchSequence:
        return TorchSequence.empty(self._network.config, self._network.embed_tokens, self.context_length)

    def forward(self, chunks: Ids[Chunk]) -> list[Logits]:
        """See `inference.model.Model.forward`. One chunk after another: a step over several takes as long as
        all of them alone."""
        check_chunks(chunks, self.vocab_size, self.context_length)
        sequences = [_own(chunk.sequence) for chunk in chunks]
        with torch.inference_mode():
            logits = [self._logits(one, chunk) for one, chunk in zip(sequences, chunks, strict=True)]
        for sequence, chunk in zip(sequences, chunks, strict=True):
            sequence.length += len(chunk.token_ids)
        return logits

    def _logits(self, sequence: TorchSequence, chunk: Chunk) -> Logits:
        """(num_logits, vocab_size); the sequence's length stays as it is."""
        sequence.reserve(len(chunk.token_ids))
        ids = torch.tensor(chunk.token_ids, dtype=torch.int64, device=self._network.embed_tokens.device)
        hidden = self._network(ids, sequence)
        logits: Logits = self._network.logits(hidden[len(ids) - chunk.num_logits :]).float().cpu().numpy()
        return logits


def _own(sequence: Sequence) -> TorchSequence:
    if not isinstance(sequence, TorchSequence):
        raise TypeError(f"a {type(sequence).__name__} is not one of this model's sequences")
    return sequence
