"""Modules that look like the bindings of llama.cpp to the benchmarks, with our engine behind."""

from __future__ import annotations

import ctypes
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from benchmarks.peers.midfill import Midfill
from inference.models.description import describe
from inference.models.native_model import NativeModel
from tests.inference.models.logits import behind


def llama_cpp() -> Any:
    """llama-cpp-python: what was evaluated lies in pages; `n_tokens` may be set back."""

    class Llama:
        def __init__(self, model_path: str, **options: Any) -> None:
            path = Path(model_path)
            assert options["n_ctx"] == 2048
            self._model = NativeModel(path, describe(path).config, "x", options["n_threads"])
            self._sequence = self._model.new_sequence()
            self.n_tokens = 0
            self.evaluated: list[int] = []
            self.ctx = self

        def eval(self, tokens: list[int]) -> None:
            self._sequence.truncate(self.n_tokens)
            self.logits = np.array(behind(self._model, self._sequence, tokens))
            self.n_tokens += len(tokens)
            self.evaluated += tokens

        def n_vocab(self) -> int:
            return self._model.vocab_size

        def close(self) -> None:
            del self._model

    def llama_get_logits_ith(ctx: Llama, row: int) -> Any:
        assert row == -1
        return ctx.logits.ctypes.data_as(ctypes.POINTER(ctypes.c_float))

    return SimpleNamespace(Llama=Llama, llama_get_logits_ith=llama_get_logits_ith)


def xllamacpp() -> Any:
    class Server:
        def __init__(self, params: Any) -> None:
            if not Path(params.model.path).is_file():
                raise RuntimeError("no such file")
            self.params = params
            self._side = Midfill(Path(params.model.path), params.cpuparams.n_threads)

        def handle_completions(self, asked: dict[str, Any]) -> dict[str, Any]:
            assert asked["temperature"] == 0
            assert [token for token, _ in asked["logit_bias"]] == self._side.banned.tolist()
            timed = self._side.run(asked["prompt"], asked["n_predict"], not asked["cache_prompt"])
            times = {
                "prompt_ms": timed.prompt_ms,
                "predicted_ms": timed.token_ms * (asked["n_predict"] - 1),
            }
            return {"__verbose": {"tokens": timed.tokens, "timings": times}}

    def params() -> Any:
        threads = SimpleNamespace(n_threads=4)
        return SimpleNamespace(
            model=SimpleNamespace(path=""), cpuparams=threads, cpuparams_batch=threads, n_batch=2048
        )

    return SimpleNamespace(Server=Server, CommonParams=params)
