"""llama.cpp through llama-cpp-python, which pip builds from its sources for the machine it is on."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.peers.side import Timed
from inference.model import ModelError


class LlamaPython:
    """A GGUF file, one `llama_decode` a step, by our clock."""

    def __init__(
        self, gguf: Path, banned: Sequence[int], *, threads: int, context: int, flash: bool, micro_batch: int
    ) -> None:
        try:
            import llama_cpp
        except ImportError as error:
            raise ModelError("there is no llama.cpp; pip install llama-cpp-python") from error
        self._library: Any = llama_cpp
        self._llama: Any = llama_cpp.Llama(
            str(gguf),
            n_ctx=context,
            n_batch=max(2048, micro_batch),
            n_ubatch=micro_batch,
            n_threads=threads,
            n_threads_batch=threads,
            flash_attn=flash,
            verbose=False,
        )
        self._banned = np.array(sorted(banned), np.int64)
        self._ids: list[int] = []
        self.name = f"llama.cpp, {'flash' if flash else 'plain'} attention"

    def run(self, prompt: Sequence[int], count: int, fresh: bool) -> Timed:
        known = 0 if fresh else self._shared(prompt)
        # What lies behind is forgotten by the next `eval`.
        self._llama.n_tokens = known
        start = time.perf_counter()
        best = self._step(prompt[known:])
        tokens, first = [best], time.perf_counter()
        while len(tokens) < count:
            best = self._step([best])
            tokens.append(best)
        end = time.perf_counter()
        self._ids = [*prompt, *tokens[:-1]]
        return Timed(tokens, (first - start) * 1e3, (end - first) * 1e3 / max(1, count - 1))

    def close(self) -> None:
        """Free the model."""
        self._llama.close()

    def _shared(self, prompt: Sequence[int]) -> int:
        pairs = zip(self._ids, prompt[:-1], strict=False)
        differs = next((at for at, (old, new) in enumerate(pairs) if old != new), None)
        return min(len(self._ids), len(prompt) - 1) if differs is None else differs

    def _step(self, ids: Sequence[int]) -> int:
        self._llama.eval(list(ids))
        pointer = self._library.llama_get_logits_ith(self._llama.ctx, -1)
        logits = np.ctypeslib.as_array(pointer, (self._llama.n_vocab(),))
        logits[self._banned] = -np.inf
        return int(logits.argmax())
