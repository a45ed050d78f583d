"""The engine's model, computed by native code on a CPU."""

from __future__ import annotations

from collections.abc import Sequence as Ids
from itertools import accumulate, pairwise
from pathlib import Path

from inference.model import Chunk, Logits, ModelError, OutOfPagesError, Sequence, check_chunks
from inference.models.config import Qwen3MoeConfig
from inference.models.native_weights import native_weights
from kernels.cpu import native
from kernels.cpu.interface import PAGE_TOKENS, Format
from kernels.cpu.interface import PagePool as Pages
from kernels.cpu.interface import Sequence as Paged

MULTIPLE = 32
_PLACES = 4
"""Contexts that a pool made for one sequence has room for."""


class NativeSequence:
    """Keys and values of one sequence, in pages that forks share."""

    __slots__ = ("paged",)

    def __init__(self, paged: Paged) -> None:
        self.paged = paged

    @property
    def length(self) -> int:
        return self.paged.length

    @property
    def pages(self) -> list[int]:
        return self.paged.pages

    def truncate(self, length: int) -> None:
        if not 0 <= length <= self.length:
            raise ValueError(f"cannot truncate {self.length} tokens to {length}")
        self.paged.truncate(length)

    def fork(self, length: int) -> NativeSequence:
        if not 0 <= length <= self.length:
            raise ValueError(f"cannot fork {length} of {self.length} tokens")
        return NativeSequence(self.paged.fork(length))


class NativePool:
    """A fixed number of pages that the native code takes memory for as they are used."""

    __slots__ = ("_pages",)

    def __init__(self, pages: Pages) -> None:
        self._pages = pages

    @property
    def num_pages(self) -> int:
        return self._pages.num_pages

    @property
    def num_free(self) -> int:
        return self._pages.num_free

    @property
    def page_tokens(self) -> int:
        return PAGE_TOKENS

    def new_sequence(self) -> NativeSequence:
        return NativeSequence(self._pages.new_sequence())


class NativeModel:
    """`inference.model.Model` in native code, weights in bfloat16 or fewer bits, sums in float32.

    Args:
        directory: a checkpoint; may be a GGUF file.
        threads: that compute, the caller among them.
        instruction_set: one of `kernels.cpu.INSTRUCTION_SETS`; the fastest if None.
        precision: of the matrices.

    Raises:
        ModelError: the checkpoint is wrong, or its dimensions are none that the kernels take.
        NativeError: this machine has no such native module.
    """

    max_exact_tokens = 15  # longer chunks may take other ways through the same sums
    __slots__ = ("_model", "_token_bytes", "context_length", "device", "memory_bytes", "name", "vocab_size")

    def __init__(
        self,
        directory: Path,
        config: Qwen3MoeConfig,
        name: str,
        threads: int,
        instruction_set: str | None = None,
        precision: Format = "bf16",
    ) -> None:
        if reason := why_not_native(config):
            raise ModelError(f"{directory}: {reason}")
        module = native(instruction_set)
        self.name = name
        self.device = f"cpu ({module.__name__.rpartition('._')[2]}, {precision})"
        self.vocab_size = config.vocab_size
        self.context_length = config.context_length
        tensors = native_weights(directory, config, self.context_length, module, precision)
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
        bfloat16 = 2
        self._token_bytes = 2 * config.num_layers * config.num_kv_heads * config.head_dim * bfloat16

    def new_pool(self, max_bytes: int) -> NativePool:
        return NativePool(self._model.new_pool(max_bytes // (PAGE_TOKENS * self._token_bytes)))

    def new_sequence(self) -> NativeSequence:
        places = _PLACES * (self.context_length + PAGE_TOKENS)
        return self.new_pool(places * self._token_bytes).new_sequence()

    def forward(self, chunks: Ids[Chunk]) -> list[Logits]:
        """See `inference.model.Model.forward`."""
        check_chunks(chunks, self.vocab_size, self.context_length)
        counts = [chunk.num_logits for chunk in chunks]
        sequences = [_paged(chunk.sequence) for chunk in chunks]
        try:
            logits = self._model.forward(sequences, [list(chunk.token_ids) for chunk in chunks], counts)
        except MemoryError as error:
            raise OutOfPagesError(str(error)) from error
        return [logits[start:end] for start, end in pairwise(accumulate(counts, initial=0))]


def _paged(sequence: Sequence) -> Paged:
    if not isinstance(sequence, NativeSequence):
        raise TypeError(f"a {type(sequence).__name__} is not one of this model's sequences")
    return sequence.paged


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
