"""Lines that are remembered have the tokens that they have in the whole text, whatever was asked before."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference import line_tokens
from inference.line_tokens import LineTokens, WorkspaceTokens
from inference.tokenizer import Tokenizer

PIECES = st.sampled_from(
    [
        *("def f(a, b):", "return x", "self.parse_args", "x = 12", "1", " ", "    ", "\t", "(", '"""', "é"),
        *(
            "e\u0301",
            "中文",
            "😀",
            "\ud800",
            "\udc00",
            "\u2028",
            "\x0b",
            "\x85",
            "\0",
            "<|file_sep|>",
            "<|fim_",
        ),
        *("\n", "\n", "\n\n", "\n    ", "\n \t\n", "\r", "\r\n"),
    ]
)
TEXT = st.lists(PIECES, max_size=40).map("".join)


@pytest.fixture(scope="module", params=["tokenizer_json", "old_json", "qwen_tokenizer_json"])
def tokenizer(request):
    return Tokenizer(json.loads(request.getfixturevalue(request.param)))


@pytest.fixture(scope="module")
def old_json(tokenizer_json):
    """With the expression of the tokenizers that do not part digits."""
    data = json.loads(tokenizer_json)
    pattern = data["pre_tokenizer"]["pretokenizers"][0]["pattern"]
    assert "0-9" in pattern["Regex"]
    pattern["Regex"] = r"\n[ \t]*|(?: ?[^\s])+|[^\S\n]+|\s"
    return json.dumps(data)


@given(data=st.data(), text=TEXT)
def test_an_edited_text_has_the_tokens_that_it_has_from_scratch(tokenizer, data, text):
    lines = LineTokens(tokenizer)
    for _ in range(4):
        ids, starts = lines.encode_with_starts(text)
        assert (ids, list(starts)) == tokenizer.encode_with_starts(text)
        assert starts[-3:] == list(starts)[-3:]
        assert lines.encode(text) == ids
        start, end = sorted(data.draw(st.tuples(*[st.integers(0, len(text))] * 2)))
        text = text[:start] + data.draw(TEXT) + text[end:]


@given(texts=st.lists(TEXT, max_size=12))
def test_what_is_forgotten_is_encoded_again(tokenizer, texts):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(line_tokens, "MAX_CHARACTERS", 24)
        lines = LineTokens(tokenizer)
        for text in texts:
            assert lines.encode(text) == tokenizer.encode(text)
            assert lines.num_characters <= 24


def test_only_new_lines_are_encoded(tokenizer_json, monkeypatch):
    tokenizer = Tokenizer(json.loads(tokenizer_json))
    encoded = []
    encode = Tokenizer.encode_with_starts
    monkeypatch.setattr(
        Tokenizer, "encode_with_starts", lambda self, text: encoded.append(text) or encode(self, text)
    )
    lines = LineTokens(tokenizer)
    lines.encode("a\nb\nc")
    lines.encode("a\nb\nd\ne\nc")
    lines.encode("b\nd\nf")
    assert encoded == ["a\nb\nc", "\nd\ne", "b", "\nf"]


def test_a_tokenizer_that_is_not_known_to_part_lines_encodes_the_whole(qwen_tokenizer_json, tokenizer_json):
    assert not Tokenizer(json.loads(qwen_tokenizer_json)).parts_lines
    data = json.loads(tokenizer_json)
    assert Tokenizer(data).parts_lines
    assert not Tokenizer({**data, "normalizer": {"type": "NFC"}}).parts_lines
    assert not Tokenizer({**data, "model": {**data["model"], "dropout": 0.1}}).parts_lines
    split, level = data["pre_tokenizer"]["pretokenizers"]
    for changed in (
        [{**split, "pattern": {"Regex": r"\s+|\S+"}}, level],
        [{**split, "behavior": "Removed"}, level],
        [split, {**level, "add_prefix_space": True}],
        [level],
    ):
        splitting = {**data["pre_tokenizer"], "pretokenizers": changed}
        assert not Tokenizer({**data, "pre_tokenizer": splitting}).parts_lines


def test_workspaces_have_their_lines_apart(tokenizer_json, monkeypatch):
    monkeypatch.setattr(line_tokens, "MAX_WORKSPACES", 2)
    workspaces = WorkspaceTokens(Tokenizer(json.loads(tokenizer_json)))
    workspaces.of("a").encode("x\ny")
    assert workspaces.of("a").num_characters == 3
    assert workspaces.of("b").num_characters == 0
    workspaces.of("a")
    workspaces.of("c")
    assert workspaces.of("a").num_characters == 3
    assert workspaces.of("b").num_characters == 0
