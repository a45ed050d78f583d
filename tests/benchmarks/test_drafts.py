"""The benchmark of drafts on a model without layers."""

import json
import random

import pytest

from benchmarks.drafts import main, typed_lines
from kernels.cpu import available

TEXT = "".join(f"def area_{i}(width, height):\n    return width * height + {i}\n\n\n" for i in range(20))


def test_lines_are_of_the_text_and_long_enough():
    places = typed_lines("short\n    a longer line\nx\n", 5, 6, random.Random(0))
    assert places == [(10, 23)]
    with pytest.raises(ValueError, match="no line"):
        typed_lines("x\n", 5, 6, random.Random(0))


@pytest.mark.skipif(not available(), reason="the native modules were not built")
def test_every_way_gives_the_same_answers(make_model_dir, tmp_path, capsys):
    directory = make_model_dir(
        hidden_size=64, head_dim=32, moe_intermediate_size=64,
        card={"name": "tiny", "format": "midfill-spm", "prefix_tokens": 96, "suffix_tokens": 32,
              "max_new_tokens": 12, "stop_ids": [0], "copy_weights": [0.9] * 8, "beam_width": 2},
    )  # fmt: skip
    file = tmp_path / "areas.py"
    file.write_text(TEXT)
    arguments = [str(file), "--lines", "2", "--keys", "3", "--model", str(directory)]
    assert main([*arguments, "--json"]) == 0
    none, paying, every = json.loads(capsys.readouterr().out)
    assert none["tokens"] == paying["tokens"] == every["tokens"] > 0
    assert none["saved"] == none["proposed"] == 0
    assert every["saved"] > 0
    assert every["passes"] == none["passes"] - every["saved"]
    assert main(arguments) == 0
    assert "passes saved" in capsys.readouterr().out


def test_a_model_that_is_none_is_told(tmp_path, capsys):
    assert main(["--model", str(tmp_path)]) == 1
    assert capsys.readouterr().err.startswith("drafts: ")
