"""What a machine without a GPU can say of the GPU benchmark."""

import pytest
import torch

from benchmarks import moe_experts_gpu
from benchmarks.moe_experts_gpu import Row


def test_without_a_gpu_it_says_so_and_fails(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert moe_experts_gpu.main([]) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "needs a CUDA device" in printed.err


def test_the_table_has_a_line_a_row() -> None:
    lines = moe_experts_gpu.table([Row("small", 4, 0.001, 20.0, 50.0, 900.0)]).splitlines()
    assert lines[2] == "| small | 4 | 1.0e-03 | 20.0 | 50.0 | 2.5 | 900 |"
    assert len({line.count("|") for line in lines}) == 1
