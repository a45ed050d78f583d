from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from training.evaluation.inside_words import draw_pairs, inside_words


def test_pairs_are_cursors_in_one_word(tmp_path: Path, told: Any) -> None:
    line = "    result = compute(width, height)"
    path = tmp_path / "heldout.jsonl"
    path.write_text(json.dumps({"source": "a", "path": "a.py", "text": f"x\n{line}\nab = 1\n"}) + "\n")
    pairs = draw_pairs(path, 40, seed=1)
    assert pairs == draw_pairs(path, 40, seed=1)
    for start, inside in pairs:
        typed = inside.prefix.removeprefix(start.prefix)
        assert typed.isidentifier() and inside.truth[0].isalpha()
        assert start.truth == typed + inside.truth
        assert not start.prefix[-1].isalnum()
        assert start.suffix == inside.suffix == "\nab = 1\n"

    def reply(prefix: str, suffix: str, seed: int) -> str:
        """Knows the line, but only once a word of it was begun."""
        written = prefix.split("\n")[-1]
        return line[len(written) :] if written[-1].isalnum() else "?"

    score = inside_words(told(reply), pairs)
    assert (score["inside_exact"], score["start_exact"]) == (1, 0)
    assert (score["only_inside"], score["only_start"]) == (40, 0)
