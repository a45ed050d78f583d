"""The engine's model, computed by native code on a CPU."""

from __future__ import annotations

from collections.abc import Sequence as Ids
from itertools import accumulate, pairwise
from pathlib import Path

from inference.model import Chunk, Logits, ModelError, Sequence, check_chunks
from inference.models.config import Qwen3MoeConfig
from inference.models.native_weights import native_weights
from kernels.cpu import native
from kernels.cpu.interface import Sequence as Pages

MULTIPLE = 32


class NativeSequence:
    """Keys and values of one sequence, in pages that forks share."""

    __slots__ = ("pages",)

    def __init__(self, pages: Pages) -> None:
        self.pages = pages

    @property
    def length(self) -> int:
        return self.pages.length

    @property
    def memory_bytes(self) -> int:
        return self.pages.memory_bytes

    def truncate(self, length: int) -> None:
        if not 0 <= length <= self.length:
            raise ValueError(f"cannot truncate {self.length} tokens to {length}")
        self.pages.truncate(length)

    def fork(self, length: int) -> NativeSequence:
        if not 0 <= length <= self.length:
            raise ValueError(f"cannot fork {length} of {self.length} tokens")
        return NativeSequence(self.pages.fork(length))


class NativeModel:
    """`inference.model.Model` in native code, weights in bfloat16, sums in float32.

    Args:
        directory: a checkpoint.
        threads: that compute, the caller among them.
        instruction_set: one of `kernels.cpu.INSTRUCTION_SETS`; the fastest if None.

    Raises:
        ModelError: the checkpoint is wrong, or its dimensions are none that the kernels take.
        NativeError: this machine has no such native module.
    """

    __slots__ = ("_model", "context_length", "device", "memory_bytes", "name", "vocab_size")

    def __init__(
        self,
        directory: Path,
        config: Qwen3MoeConfig,
        name: str,
        threads: int,
        instruction_set: str | None = None,
    ) -> None:
        if reason := why_not_native(config):
            raise ModelError(f"{directory}: {reason}")
        module = native(instruction_set)
        self.name = name
        self.device = f"cpu ({module.__name__.rpartition('._')[2]})"
        self.vocab_size = config.vocab_size
        self.context_length = config.context_length
        tensors = native_weights(directory, config, self.context_length, module)
        self.memory_bytes = sum(tensor.nbytes for tensor in tensors.values())
        shape = module.Shape(
            vocabulary=config.vocab_size,
            hidden=config.hidden_size,
            layers=config.num_layers,
            heads=config.num_heads,
            groups=config.num_kv_heads,
            head_size=config.head_dim,
            experts=config.num_experts,
            top_k=config.experts_per_token,
            expert_size=config.expert_size,
            context=self.context_length,
            epsilon=config.rms_norm_eps,
            normalise=config.norm_topk_prob,
        )
        self._model = module.Model(shape, tensors, config.tie_word_embeddings, threads)

    def new_sequence(self) -> NativeSequence:
        return NativeSequence(self._model.new_sequence())

    def forward(self, chunks: Ids[Chunk]) -> list[Logits]:
        """See `inference.model.Model.forward`."""
        check_chunks(chunks, self.vocab_size, self.context_length)
        counts = [chunk.num_logits for chunk in chunks]
        logits = self._model.forward(
            [_pages(chunk.sequence) for chunk in chunks], [list(chunk.token_ids) for chunk in chunks], counts
        )
        return [logits[start:end] for start, end in pairwise(accumulate(counts, initial=0))]


def _pages(sequence: Sequence) -> Pages:
    if not isinstance(sequence, NativeSequence):
        raise TypeError(f"a {type(sequence).__name__} is not one of this model's sequences")
    return sequence.pages


def why_not_native(config: Qwen3MoeConfig) -> str | None:
    """Which dimension the native kernels do not take, or None."""
    sizes = {
        "hidden_size": config.hidden_size,
        "head_dim": config.head_dim,
        "moe_intermediate_size": config.expert_size,
    }
    for name, size in sizes.items():
        if size % MULTIPLE:
            return f"{name} is {size}; the native engine takes multiples of {MULTIPLE}"
    return None
