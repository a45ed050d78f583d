"""The comparison with llama.cpp, with stand-ins for llama.cpp: what it tells, and when it fails."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from benchmarks import llama_cpp
from benchmarks.llama_cpp import cursors, greedy, until_end
from benchmarks.texts import Row, Token, compared
from inference.models.load import load


def test_without_llama_cpp_it_says_so_and_fails(
    tiny_model_dir: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "xllamacpp", None)
    assert llama_cpp.main(["--gguf", "m.gguf", "--model", str(tiny_model_dir)]) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "pip install xllamacpp" in printed.err


def test_the_same_tokens_pass_and_others_do_not(
    tiny_model_dir: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    model = load(tiny_model_dir, "cpu")[0]
    monkeypatch.setattr(llama_cpp, "TOKENS", 6)

    def stand_in(changed: bool):
        def ask(prompt):
            if isinstance(prompt, str):
                return [7]
            ids = [t.token_id for t in until_end(greedy(model, tuple(prompt)), frozenset(range(6)))]
            return [8, *ids[1:]] if changed else [i for i in ids if i >= 0]

        return lambda gguf, exact: ask

    arguments = ["--gguf", "m.gguf", "--model", str(tiny_model_dir)]
    monkeypatch.setattr(llama_cpp, "llama_cpp", stand_in(changed=False))
    assert llama_cpp.main(arguments) == 0
    assert "| llama.cpp | 20 of 20 |" in capsys.readouterr().out
    monkeypatch.setattr(llama_cpp, "llama_cpp", stand_in(changed=True))
    assert llama_cpp.main(arguments) == 1


def test_prompts_are_compared_up_to_their_first_difference() -> None:
    ours = [
        [Token(10, 1.0), Token(11, 0.25), Token(12, 3.0)],
        [Token(10, 1.0), Token(-1, 0.5)],
        [Token(10, 1.0), Token(11, 0.75)],
    ]
    assert compared("x", ours, [[10, 11, 12], [10], [10, 11]]) == Row("x", 3, 3, 7, 7, 0.0)
    row = compared("x", ours, [[10, 13, 12], [10, 11], [10]])
    assert row == Row("x", 3, 0, 7, 3, 0.75), "another token, an end missed, an end too early"


def test_there_are_twenty_cursors() -> None:
    assert len({(text.prefix, text.suffix) for text in cursors()}) == 20
