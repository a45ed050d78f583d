"""Hugging Face transformers: torch, a step at a time, keys and values kept between them."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.peers.side import Timed


class Transformers:
    """A checkpoint directory in a dtype of torch's."""

    def __init__(self, directory: Path, banned: Sequence[int], threads: int, dtype: str) -> None:
        import torch
        from transformers import DynamicCache, Qwen3MoeForCausalLM

        torch.set_num_threads(threads)
        self._torch, self._cache = torch, DynamicCache
        # Any: its mixin types `self` as a protocol that the class does not meet, and its methods are untyped.
        self._network: Any = Qwen3MoeForCausalLM.from_pretrained(directory, dtype=getattr(torch, dtype))
        self._banned = list(banned)
        self._kept: Any = None
        self._ids: list[int] = []
        self.name = f"transformers, {dtype}"

    def run(self, prompt: Sequence[int], count: int, fresh: bool) -> Timed:
        if fresh or not self._ids or self._ids != list(prompt[:-1]):
            self._kept, self._ids = self._cache(), []
        with self._torch.inference_mode():
            start = time.perf_counter()
            best = self._step(prompt[len(self._ids) :])
            tokens, first = [best], time.perf_counter()
            while len(tokens) < count:
                best = self._step([best])
                tokens.append(best)
            end = time.perf_counter()
        self._ids = list(prompt[:-1])
        self._kept.crop(-count)
        return Timed(tokens, (first - start) * 1e3, (end - first) * 1e3 / max(1, count - 1))

    def close(self) -> None:
        """Let the weights go."""
        self._network = self._kept = None

    def _step(self, ids: Sequence[int]) -> int:
        answer = self._network(
            self._torch.tensor([list(ids)]), past_key_values=self._kept, use_cache=True, logits_to_keep=1
        )
        logits = answer.logits[0, -1]
        logits[self._banned] = -self._torch.inf
        return int(logits.argmax())
