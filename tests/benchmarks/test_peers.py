"""Every side writes the same greedy tokens, whether it computes the whole prompt or not."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks.peers.llama_python import LlamaPython
from benchmarks.peers.llama_server import LlamaServer
from benchmarks.peers.midfill import Midfill
from benchmarks.peers.transformers import Transformers
from inference.model import ModelError
from tests.benchmarks import llama_stand_ins
from training.export_gguf import export_gguf

WIDE = {"hidden_size": 64, "head_dim": 32, "moe_intermediate_size": 32}
PROMPT = list(range(100, 140))
BANNED = list(range(6))
OPTIONS: Any = {"threads": 1, "context": 2048, "flash": True, "micro_batch": 512}


@pytest.fixture(scope="module")
def directory(make_model_dir: Any) -> Path:
    return make_model_dir(**WIDE)


@pytest.fixture(scope="module")
def gguf(directory: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("gguf") / "m.gguf"
    export_gguf(directory, path, "bf16")
    return path


@pytest.fixture
def stand_ins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "llama_cpp", llama_stand_ins.llama_cpp())
    monkeypatch.setitem(sys.modules, "xllamacpp", llama_stand_ins.xllamacpp())


def assert_steady(side: Any) -> list[int]:
    """The same tokens from nothing, from all of the prompt, and from the half that is shared."""
    first: list[int] = side.run(PROMPT, 5, fresh=True).tokens
    assert len(first) == 5
    assert not set(first) & set(BANNED)
    assert side.run(PROMPT, 5, fresh=False).tokens == first
    side.run([*PROMPT[:20], 7], 2, fresh=False)
    again = side.run(PROMPT, 5, fresh=False)
    assert again.tokens == first
    assert again.prompt_ms > 0
    assert again.token_ms > 0
    return first


def test_ours(directory: Path, gguf: Path) -> None:
    ours = Midfill(directory, 1)
    tokens = assert_steady(ours)
    written = ours.write(PROMPT, 5)
    assert [token.token_id for token in written] == tokens
    assert all(token.margin >= 0 for token in written)
    assert Midfill(gguf, 1).run(PROMPT, 5, fresh=True).tokens == tokens


@pytest.mark.usefixtures("stand_ins")
@pytest.mark.parametrize("side", [LlamaPython, LlamaServer])
def test_llama_cpp(gguf: Path, side: type[LlamaPython | LlamaServer]) -> None:
    peer = side(gguf, BANNED, **OPTIONS)
    assert assert_steady(peer) == Midfill(gguf, 1).run(PROMPT, 5, fresh=True).tokens
    peer.close()


@pytest.mark.usefixtures("stand_ins")
def test_what_is_known_of_a_prompt_is_not_computed_again(gguf: Path) -> None:
    peer = LlamaPython(gguf, BANNED, **OPTIONS)
    peer.run(PROMPT, 1, fresh=True)
    peer._llama.evaluated.clear()
    peer.run([*PROMPT[:30], 7, 8], 1, fresh=False)
    assert peer._llama.evaluated == [7, 8]


def test_transformers(directory: Path) -> None:
    tokens = assert_steady(Transformers(directory, BANNED, 1, "float32"))
    assert tokens[0] == Midfill(directory, 1).run(PROMPT, 1, fresh=True).tokens[0]


@pytest.mark.parametrize("side", [LlamaPython, LlamaServer])
def test_without_llama_cpp_it_says_so(
    gguf: Path, side: type[LlamaPython | LlamaServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "llama_cpp", None)
    monkeypatch.setitem(sys.modules, "xllamacpp", None)
    with pytest.raises(ModelError, match="pip install"):
        side(gguf, BANNED, **OPTIONS)


@pytest.mark.usefixtures("stand_ins")
def test_a_file_that_llama_cpp_does_not_load_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"no\.gguf: llama.cpp does not load it: no such file"):
        LlamaServer(tmp_path / "no.gguf", BANNED, **OPTIONS)
