from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from training.evaluation.code_xglue import code_xglue, spelt, taken_apart
from training.jsonl import DataError


@pytest.mark.parametrize(
    ("tokens", "code"),
    [
        (
            "<s> from __future__ import a , b <EOL> from . _ithreads import AlreadyQuit <EOL>",
            "from __future__ import a, b\nfrom ._ithreads import AlreadyQuit\n",
        ),
        ("from . import x <EOL> from a . b import c", "from . import x\nfrom a.b import c"),
        ("def f ( self , * args , a = 1 ) :", "def f(self, *args, a=1):"),
        ("x = f ( '<STR_LIT:aU+0020bU+002C>' ) [ <NUM_LIT:1> : - <NUM_LIT> ]", "x = f('a b,')[1: -0]"),
        ("return ( a , b ) if not [ ] else { '<STR_LIT>' : x }", "return (a, b) if not [] else {'': x}"),
    ],
)
def test_tokens_are_spelt_as_code(tokens: str, code: str) -> None:
    assert spelt(tokens) == code


def test_lines_are_compared_by_tokens(tmp_path: Path, told: Any) -> None:
    path = tmp_path / "test.json"
    records = [
        {"id": i, "input": f"<s> x = {i} <EOL>", "gt": "y = f ( '<STR_LIT:aU+0020b>' , x ) . z"}
        for i in (1, 2)
    ]
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    answers = {"x = 1\n": "y=f('a b',x).z", "x = 2\n": "y = f()"}
    score = code_xglue(told(lambda prefix, suffix, seed: answers[prefix]), path, None)
    assert [row["exact"] for row in score["rows"]] == [True, False]
    assert score["exact"] == 0.5 and 0.5 < score["similarity"] < 1
    assert code_xglue(told(lambda prefix, suffix, seed: answers[prefix]), path, 1)["exact"] == 1
    path.write_text(json.dumps({"input": "x"}) + "\n")
    with pytest.raises(DataError, match=r"test\.json:1: field 'gt' is missing"):
        code_xglue(told(lambda prefix, suffix, seed: ""), path, None)


def test_strings_are_one_token() -> None:
    assert taken_apart('x = u\'a b\' + "c\\"d"  # e') == ["x", "=", "u'a b'", "+", '"c\\"d"', "#", "e"]
