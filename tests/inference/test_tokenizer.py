"""Text stays text: no control token comes of it, no character is ever cut in half."""

import json

import pytest
import tokenizers
from hypothesis import given
from hypothesis import strategies as st

from inference.model import ModelError
from inference.tokenizer import Detokenizer, Tokenizer


@pytest.fixture(scope="module", params=["shipped layout", "Qwen layout"])
def document(request, tokenizer_json, qwen_tokenizer_json):
    return tokenizer_json if request.param == "shipped layout" else qwen_tokenizer_json


@pytest.fixture(scope="module")
def tokenizer(document):
    return Tokenizer(json.loads(document))


@pytest.fixture(scope="module")
def reference(document):
    return tokenizers.Tokenizer.from_str(document)


def test_control_tokens_typed_as_text_are_text(tokenizer, reference):
    typed = "".join(tokenizer.controls) + " <|fim_prefix|>x<|endoftext|>\n<|fim_suffix|>"
    assert set(reference.encode(typed).ids) & set(tokenizer.controls.values()), "the plain one falls for it"
    ids = tokenizer.encode(typed)
    assert not set(ids) & set(tokenizer.controls.values())
    assert b"".join(tokenizer.pieces[i] for i in ids).decode() == typed


def test_qwens_fim_tokens_are_controls_though_not_special(qwen_tokenizer_json):
    """`encode_special_tokens` alone would let them through."""
    plain = tokenizers.Tokenizer.from_str(qwen_tokenizer_json)
    plain.encode_special_tokens = True
    assert 1003 in plain.encode("<|fim_prefix|>").ids
    ours = Tokenizer(json.loads(qwen_tokenizer_json))
    assert ours.control("<|fim_prefix|>") == 1003
    assert 1003 not in ours.encode("<|fim_prefix|>")
    assert ours.pieces[1003] == b""


def test_no_vocabulary_entry_smuggles_a_control_token_in(tokenizer_json):
    """With `ignore_merges` a whole pre-token that is in the vocabulary becomes that token."""
    data = json.loads(tokenizer_json)
    data["model"]["ignore_merges"] = True
    data["pre_tokenizer"] = {
        "type": "ByteLevel",
        "add_prefix_space": False,
        "use_regex": False,
        "trim_offsets": True,
    }
    assert 2 not in Tokenizer(data).encode("<|fim_middle|>")


@given(text=st.text(max_size=200))
def test_pieces_give_the_text_back(tokenizer, text):
    ids, starts = tokenizer.encode_with_starts(text)
    assert b"".join(tokenizer.pieces[i] for i in ids).decode() == tokenizer.normalise(text)
    assert tokenizer.encode(text) == ids
    assert starts == sorted(starts)
    assert all(0 <= start < len(text) for start in starts)


@given(text=st.text("abc de\n\t()中é😀", max_size=80))
def test_ordinary_text_is_encoded_as_the_library_does(tokenizer, reference, text):
    assert tokenizer.encode(text) == reference.encode(text, add_special_tokens=False).ids


def test_a_lone_surrogate_counts_as_a_replacement_character(tokenizer):
    assert tokenizer.encode("a\ud83d b") == tokenizer.encode("a\ufffd b")
    assert tokenizer.word_starts("a\ud83d") == tokenizer.word_starts("a\ufffd")


@given(text=st.text(max_size=60), cuts=st.lists(st.integers(0, 240)), bad=st.binary(max_size=3))
def test_text_comes_in_whole_characters(text, cuts, bad):
    data = text.encode("utf-8") + bad
    detokenizer, pieces, start = Detokenizer(), [], 0
    for cut in [*sorted(c for c in cuts if c <= len(data)), len(data)]:
        pieces.append(detokenizer.feed(data[start:cut]))
        start = cut
    whole = data.decode("utf-8", "replace")
    got = "".join(pieces)
    assert got.startswith(text)
    assert whole.startswith(got)  # what is left is an unfinished character
    assert len(whole) - len(got) <= 1
    if not bad:
        assert got == text


def test_an_unfinished_character_is_never_shown():
    detokenizer = Detokenizer()
    assert [detokenizer.feed(bytes([byte])) for byte in "中😀".encode()] == ["", "", "中", "", "", "", "😀"]
    assert detokenizer.feed(b"\xe4\xb8") == ""


BROKEN = {
    "truncated": (lambda text: text[:-100], "not JSON"),
    "empty": (lambda _: "", "not JSON"),
    "a list": (lambda _: "[]", "expected a JSON object"),
    "an empty object": (lambda _: "{}", "not a tokenizer"),
    "another kind of model": (
        lambda text: text.replace('"type":"BPE"', '"type":"WordPiece"'),
        "only byte-level BPE",
    ),
    "no byte-level decoder": (
        lambda text: json.dumps({**json.loads(text), "decoder": None}),
        "only byte-level BPE",
    ),
    "merges of tokens it lacks": (
        lambda text: json.dumps(
            {**json.loads(text), "model": {**json.loads(text)["model"], "merges": [["\u0120\u0120zz", "qq"]]}}
        ),
        "not a tokenizer",
    ),
}


@pytest.mark.parametrize(("spoil", "cause"), BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_file_is_named_with_its_cause(tokenizer_json, tmp_path, spoil, cause):
    path = tmp_path / "tokenizer.json"
    path.write_text(spoil(json.dumps(json.loads(tokenizer_json), separators=(",", ":"))))
    with pytest.raises(ModelError, match=cause) as caught:
        Tokenizer.from_file(path)
    assert str(path) in str(caught.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ModelError, match=r"tokenizer\.json: No such file"):
        Tokenizer.from_file(tmp_path / "tokenizer.json")


def test_ids_must_be_distinct(tokenizer_json):
    data = json.loads(tokenizer_json)
    data["model"]["vocab"]["a"] = data["model"]["vocab"]["b"]
    with pytest.raises(ModelError, match="distinct"):
        Tokenizer(data)


def test_an_unknown_control_token_is_an_error(tokenizer):
    with pytest.raises(ModelError, match=r"no control token <\|nope\|>"):
        tokenizer.control("<|nope|>")
