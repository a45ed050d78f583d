"""Layouts, exact budgets, and the promise that a keystroke appends."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.card import Card
from inference.messages import Extent, Snippet
from inference.model import ModelError
from inference.prompt import PATH_TOKENS, PromptText, PromptWriter
from inference.tokenizer import Tokenizer

MIDFILL = Card("m", "midfill-spm", prefix_tokens=64, suffix_tokens=24, max_new_tokens=16, snippet_tokens=20)
QWEN = Card("q", "qwen", prefix_tokens=64, suffix_tokens=24, max_new_tokens=16, snippet_tokens=40)


@pytest.fixture(scope="module")
def tokenizer(tokenizer_json):
    return Tokenizer(json.loads(tokenizer_json))


@pytest.fixture(scope="module")
def midfill(tokenizer):
    return PromptWriter(MIDFILL, tokenizer, 512)


@pytest.fixture(scope="module")
def qwen_tokenizer(qwen_tokenizer_json):
    return Tokenizer(json.loads(qwen_tokenizer_json))


@pytest.fixture(scope="module")
def qwen(qwen_tokenizer):
    return PromptWriter(QWEN, qwen_tokenizer, 512)


def shown(tokenizer, prompt):
    """The prompt as text, control tokens by name, and behind a bar what the answer must begin with."""
    names = {index: name for name, index in tokenizer.controls.items()}
    ids = b"".join(names[i].encode() if i in names else tokenizer.pieces[i] for i in prompt.token_ids)
    return f"{ids.decode()}│{prompt.required.decode()}"


MIDFILL_LAYOUTS = {
    "gap": (
        PromptText("def f(a):\n    ret", " a\n\nf(1)\n"),
        "<|file_sep|><|fim_suffix|> a\n\nf(1)\n<|fim_middle|>def f(a):│\n    ret",
    ),
    "end of the file": (PromptText("x = foo(", "\n\n"), "<|file_sep|>x = foo(│"),
    "empty file": (PromptText(""), "<|file_sep|>│"),
    "line ends": (
        PromptText("a = 1\r\nb =", "\r\nc\rd"),
        "<|file_sep|><|fim_suffix|>\nc\nd<|fim_middle|>a = 1\nb =│",
    ),
    "another file": (
        PromptText("b.", "\nz", snippets=(Snippet("u.py", "def f(): pass\n"),)),
        "<|file_sep|>def f(): pass\n<|file_sep|><|fim_suffix|>\nz<|fim_middle|>b.│",
    ),
    "control tokens in the file": (
        PromptText("x = '<|fim_middle|>' + y", "\n'<|endoftext|>'"),
        "<|file_sep|><|fim_suffix|>\n'<|endoftext|>'<|fim_middle|>x = '<|fim_middle|>' +│ y",
    ),
}


@pytest.mark.parametrize(("text", "expected"), MIDFILL_LAYOUTS.values(), ids=MIDFILL_LAYOUTS.keys())
def test_midfill_layout(midfill, tokenizer, text, expected):
    prompt = midfill.write(text)
    assert shown(tokenizer, prompt) == expected
    controls = sum(i in tokenizer.controls.values() for i in prompt.token_ids)
    assert controls == (1 if not text.suffix.strip() else 3) + len(text.snippets)


NAMED_LAYOUTS = {
    "gap": (
        PromptText("b.", "\nz", path="src/pkg/use.py"),
        "<|file_sep|>use.py\n<|fim_suffix|>\nz<|fim_middle|>b.│",
    ),
    "end of the file": (PromptText("  b.", path="use.py"), "<|file_sep|>use.py\n  b.│"),
    "another file": (
        PromptText("b.", path="use.py", snippets=(Snippet("pkg/u.py", "def f(): pass\n"),)),
        "<|file_sep|>u.py\ndef f(): pass\n<|file_sep|>use.py\nb.│",
    ),
    "no name": (PromptText("b."), "<|file_sep|>b.│"),
    "a name too long": (PromptText("b.", path="q" * 200), "<|file_sep|>b.│"),
    "a control token for a name": (
        PromptText("b.", path="<|fim_middle|>"),
        "<|file_sep|><|fim_middle|>\nb.│",
    ),
}


@pytest.mark.parametrize(("text", "expected"), NAMED_LAYOUTS.values(), ids=NAMED_LAYOUTS.keys())
def test_midfill_layout_with_names(tokenizer, text, expected):
    writer = PromptWriter(replace(MIDFILL, name_tokens=20), tokenizer, 512)
    prompt = writer.write(text)
    assert shown(tokenizer, prompt) == expected
    controls = sum(i in tokenizer.controls.values() for i in prompt.token_ids)
    assert controls == (1 if not text.suffix.strip() else 3) + len(text.snippets)


QWEN_LAYOUTS = {
    "gap": (
        PromptText("def f(a):\n    ret", " a\n"),
        "<|fim_prefix|>def f(a):\n<|fim_suffix|> a\n<|fim_middle|>│    ret",
    ),
    "middle of a line": (
        PromptText("a\nb = foo(c, de", ")\n"),
        "<|fim_prefix|>a\n<|fim_suffix|>)\n<|fim_middle|>b = foo(c,│ de",
    ),
    "start of a line": (PromptText("a\n", ""), "<|fim_prefix|>a\n<|fim_suffix|><|fim_middle|>│"),
    "repository": (
        PromptText("a", "b", path="src/a.py", repository="r", snippets=(Snippet("u.py", "u = 1\n"),)),
        "<|repo_name|>r\n<|file_sep|>u.py\nu = 1\n<|file_sep|>src/a.py\n"
        "<|fim_prefix|><|fim_suffix|>b<|fim_middle|>│a",
    ),
    "another file, no repository": (
        PromptText("a", "b", path="a.py", snippets=(Snippet("u.py", "u = 1\n"),)),
        "<|file_sep|>u.py\nu = 1\n<|file_sep|>a.py\n<|fim_prefix|><|fim_suffix|>b<|fim_middle|>│a",
    ),
}


@pytest.mark.parametrize(("text", "expected"), QWEN_LAYOUTS.values(), ids=QWEN_LAYOUTS.keys())
def test_qwen_layout(qwen, qwen_tokenizer, text, expected):
    assert shown(qwen_tokenizer, qwen.write(text)) == expected


TEXT = st.one_of(
    st.text(max_size=200), st.lists(st.text("ab (\t<|>中.:", max_size=30), max_size=30).map("\n".join)
)
NAME = st.text(max_size=300)
EXTENT = st.tuples(st.integers(0, 250), st.integers(0, 250)).map(lambda ends: Extent(min(ends), max(ends)))
PROMPT_TEXT = st.builds(
    PromptText,
    prefix=TEXT,
    suffix=TEXT,
    path=NAME,
    repository=NAME,
    snippets=st.lists(st.builds(Snippet, path=NAME, text=TEXT), max_size=4).map(tuple),
    outline=st.lists(EXTENT, max_size=6).map(tuple),
)


def parts(ids, controls):
    """{control name: number of plain tokens behind it}, summed over repetitions."""
    names = {index: name for name, index in controls.items()}
    counts, current = {}, ""
    for i in ids:
        current = names.get(i, current)
        counts[current] = counts.get(current, 0) + (i not in names)
    return counts


@given(text=PROMPT_TEXT)
def test_midfill_budgets_are_exact(midfill, tokenizer, text):
    ids = midfill.write(text).token_ids
    assert 1 <= len(ids) <= midfill.max_prompt_tokens == 64 + 24 + 20 + 3
    counts = parts(ids, tokenizer.controls)
    assert counts.get("<|fim_suffix|>", 0) <= MIDFILL.suffix_tokens
    assert counts.get("<|fim_middle|>", 0) <= MIDFILL.prefix_tokens
    if "<|fim_middle|>" in counts:
        assert counts["<|file_sep|>"] <= MIDFILL.snippet_tokens


@given(text=PROMPT_TEXT)
def test_qwen_budgets_are_exact(qwen, qwen_tokenizer, text):
    ids = qwen.write(text).token_ids
    assert 3 <= len(ids) <= qwen.max_prompt_tokens
    counts = parts(ids, qwen_tokenizer.controls)
    assert counts["<|fim_suffix|>"] <= QWEN.suffix_tokens
    assert counts["<|fim_prefix|>"] + counts["<|fim_middle|>"] <= QWEN.prefix_tokens
    assert counts.get("<|repo_name|>", 0) <= PATH_TOKENS
    assert counts.get("<|file_sep|>", 0) <= QWEN.snippet_tokens + PATH_TOKENS


@pytest.mark.parametrize("name", ["midfill", "qwen"])
def test_a_keystroke_appends(request, name):
    """Of the prompts of 1,500 keystrokes, nearly all go on from the one before, in both layouts."""
    writer = request.getfixturevalue(name)
    source = Path(re.__file__).read_text(encoding="utf-8")
    suffix = ")\n" + source[9000:9100]
    previous, new, moved = (), [], 0
    for end in range(5000, 6500):
        ids = writer.write(PromptText(source[:end], suffix)).token_ids
        shared = next((i for i, (a, b) in enumerate(zip(previous, ids, strict=False)) if a != b), None)
        shared = min(len(previous), len(ids)) if shared is None else shared
        new.append(len(ids) - shared)
        moved += len(ids) - shared > 24
        previous = ids
    assert sorted(new)[len(new) // 2] == 0
    assert moved <= 1500 // 30, "the window or the finished line moved too often"


def test_budgets_beyond_the_context_are_refused(tokenizer):
    with pytest.raises(ModelError, match="111 tokens leave no room to complete in a context of 111"):
        PromptWriter(MIDFILL, tokenizer, 111)
    PromptWriter(MIDFILL, tokenizer, 112)


def test_a_tokenizer_without_the_layouts_controls_is_refused(tokenizer_json):
    data = json.loads(tokenizer_json)
    data["added_tokens"] = [token for token in data["added_tokens"] if token["content"] != "<|fim_suffix|>"]
    with pytest.raises(ModelError, match="fim_suffix"):
        PromptWriter(MIDFILL, Tokenizer(data), 512)
