"""A tokenizer from the keys of a GGUF file: byte-level BPE, `tokenizer.ggml.model` of "gpt2".

How text is split before it is merged the file says only by a name, for which llama.cpp has the expression in
its sources. A file that `training.export_gguf` wrote has the expression itself, in `midfill.split`.
"""

from __future__ import annotations

from typing import Any

from inference.model import ModelError
from inference.models.gguf_metadata import Metadata
from inference.tokenizer import Tokenizer

SPLIT = "midfill.split"
MAX_SPLIT_CHARACTERS = 1000
NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED = 1, 2, 3, 4, 5
QWEN2 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
FIM_NAMES = {
    "fim_pre": "<|fim_prefix|>",
    "fim_suf": "<|fim_suffix|>",
    "fim_mid": "<|fim_middle|>",
    "fim_rep": "<|repo_name|>",
    "fim_sep": "<|file_sep|>",
}
"""What prompts know the tokens as whose ids stand in `tokenizer.ggml.*_token_id`."""


def gguf_tokenizer(metadata: Metadata) -> Tokenizer:
    """The tokenizer. Tokens that the file calls unused are left out.

    Raises:
        ModelError: a key is missing or malformed, the keys contradict each other, or the tokenizer is of
            another kind.
    """
    if (model := metadata.text("tokenizer.ggml.model")) != "gpt2":
        raise ModelError(f"tokenizer.ggml.model is {model!r:.40}; this engine knows byte-level BPE, gpt2")
    tokens = metadata.texts("tokenizer.ggml.tokens")
    kinds = metadata.integers("tokenizer.ggml.token_type")
    if len(tokens) != len(kinds):
        raise ModelError(f"{len(tokens)} tokens, but {len(kinds)} in tokenizer.ggml.token_type")
    if unknown := set(kinds) - {NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED}:
        raise ModelError(
            f"tokenizer.ggml.token_type has the kind {min(unknown)}, which byte-level BPE has not"
        )
    controls = {index: tokens[index] for index, kind in enumerate(kinds) if kind in (CONTROL, USER_DEFINED)}
    controls |= _fill_in_the_middle(metadata, len(tokens))
    if len(set(controls.values())) != len(controls):
        raise ModelError("two control tokens have one name")
    named = {index: token for index, token in enumerate(tokens) if kinds[index] in (NORMAL, UNKNOWN)}
    vocabulary = {token: index for index, token in named.items() if index not in controls}
    if len(vocabulary) != len(named.keys() - controls.keys()):
        raise ModelError("tokenizer.ggml.tokens has a token twice")
    return Tokenizer(
        {
            "version": "1.0",
            "added_tokens": [_added(index, name) for index, name in controls.items()],
            **_splitting(metadata),
            "decoder": {
                "type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True,
            },
            "model": {
                "type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None,
                "end_of_word_suffix": None, "fuse_unk": False, "byte_fallback": False, "ignore_merges": False,
                "vocab": vocabulary, "merges": _merges(metadata),
            },
        }
    )  # fmt: skip


def _fill_in_the_middle(metadata: Metadata, num_tokens: int) -> dict[int, str]:
    """The control tokens that the file names by their ids, under the names that prompts know."""
    found = {}
    for key, name in FIM_NAMES.items():
        key = f"tokenizer.ggml.{key}_token_id"
        if key in metadata:
            index = metadata.integer(key)
            if not 0 <= index < num_tokens or index in found:
                raise ModelError(f"{key} is {index}: no token, or that of another key")
            found[index] = name
    return found


def _merges(metadata: Metadata) -> list[list[str]]:
    merges = [merge.split(" ") for merge in metadata.texts("tokenizer.ggml.merges")]
    if wrong := next((merge for merge in merges if len(merge) != 2), None):
        raise ModelError(f"tokenizer.ggml.merges: {' '.join(wrong)!r:.60} is not two tokens")
    return merges


def _splitting(metadata: Metadata) -> dict[str, Any]:
    """The normalizer and the pre-tokenizer."""
    if SPLIT in metadata:
        expression, normalizer = metadata.text(SPLIT), None
        if len(expression) > MAX_SPLIT_CHARACTERS:
            raise ModelError(f"{SPLIT} has more than {MAX_SPLIT_CHARACTERS} characters")
    elif (name := metadata.text("tokenizer.ggml.pre")) == "qwen2":
        expression, normalizer = QWEN2, {"type": "NFC"}
    else:
        raise ModelError(f"tokenizer.ggml.pre is {name!r:.40}; this engine knows qwen2")
    split = {
        "type": "Split", "pattern": {"Regex": expression}, "behavior": "Isolated", "invert": False,
    }  # fmt: skip
    level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}
    return {
        "normalizer": normalizer,
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [split, level]},
    }


def _added(index: int, name: str) -> dict[str, Any]:
    return {
        "id": index, "content": name, "single_word": False, "lstrip": False, "rstrip": False,
        "normalized": False, "special": True,
    }  # fmt: skip
