"""Our native engine, without the worker around it."""

import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.peers.side import Timed
from benchmarks.texts import Token
from inference.model import Chunk, Logits
from inference.model import Sequence as Stored
from inference.models.description import describe
from inference.models.native_model import NativeModel
from kernels.cpu.interface import Format


class Midfill:
    """A directory or GGUF file in the native engine. Raises ModelError, NativeError."""

    def __init__(self, path: Path, threads: int, precision: Format = "bf16") -> None:
        described = describe(path)
        name = described.card.name
        self.model = NativeModel(path, described.config, name, threads, precision=precision)
        self.name = f"midfill, {self.model.device}"
        self.banned = np.array(sorted(described.tokenizer.controls.values()))
        self._kept: Stored = self.model.new_sequence()
        self._ids: list[int] = []

    def run(self, prompt: Sequence[int], count: int, fresh: bool) -> Timed:
        sequence = self._begin(prompt, fresh)
        start = time.perf_counter()
        best = self._step(sequence, prompt[sequence.length :])
        tokens, first = [best], time.perf_counter()
        while len(tokens) < count:
            best = self._step(sequence, [best])
            tokens.append(best)
        end = time.perf_counter()
        self._kept, self._ids = sequence, [*prompt, *tokens[:-1]]
        return Timed(tokens, (first - start) * 1e3, (end - first) * 1e3 / max(1, count - 1))

    def write(self, prompt: Sequence[int], count: int) -> list[Token]:
        """The same tokens, and by how much each was the likeliest."""
        sequence, waiting, tokens = self.model.new_sequence(), prompt, []
        for _ in range(count):
            logits = self._logits(sequence, waiting)
            second, best = logits.argpartition(-2)[-2:]
            tokens.append(Token(int(best), float(logits[best] - logits[second])))
            waiting = [int(best)]
        return tokens

    def _begin(self, prompt: Sequence[int], fresh: bool) -> Stored:
        """What is stored of all but the last of the prompt, at most."""
        if fresh:
            return self.model.new_sequence()
        pairs = zip(self._ids, prompt[:-1], strict=False)
        shared = next((at for at, (old, new) in enumerate(pairs) if old != new), None)
        self._kept.truncate(min(len(self._ids), len(prompt) - 1) if shared is None else shared)
        return self._kept

    def _step(self, sequence: Stored, ids: Sequence[int]) -> int:
        return int(self._logits(sequence, ids).argmax())

    def _logits(self, sequence: Stored, ids: Sequence[int]) -> Logits:
        (rows,) = self.model.forward([Chunk(sequence, ids)])
        logits: Logits = rows[-1]
        logits[self.banned] = -np.inf
        return logits
