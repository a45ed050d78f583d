"""The engine's model, computed by torch."""

from __future__ import annotations

from collections.abc import Sequence as Ids

import torch

from inference.model import Chunk, Logits, Sequence, check_chunks
from inference.models.qwen3_moe import Qwen3Moe
from inference.models.torch_sequence import TorchPool, TorchSequence

_PLENTY = 1 << 40
"""Bytes: a pool that bounds nothing."""


class TorchModel:
    """`inference.model.Model` over one Qwen3-MoE on one device."""

    max_exact_tokens = 1
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

    def new_pool(self, max_bytes: int) -> TorchPool:
        network = self._network
        return TorchPool(network.config, network.embed_tokens, self.context_length, max_bytes)

    def new_sequence(self) -> TorchSequence:
        return self.new_pool(_PLENTY).new_sequence()

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
