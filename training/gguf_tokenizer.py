"""What llama.cpp has to know of the tokenizer: tokens and kinds, merges, control ids, splitting of text.

llama.cpp picks the splitting of text by name from a fixed list (`tokenizer.ggml.pre`); none of the names is
`training.tokenizer.PIECE`. The nearest is `superbpe`, which splits nothing but runs of digits: the shipped
merges come to the same tokens without PIECE nearly everywhere, since none of them crosses a line end. What
differs is in TEXT_DIFFERS. Prompts given as token ids are not split, so they are not affected. For our own
engine the expression itself goes along.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from gguf import GGUFWriter, TokenType

from inference.json_file import read_json
from inference.model import ModelError
from inference.models.gguf_tokenizer import FIM_NAMES, SPLIT
from inference.tokenizer import MAX_TOKENIZER_BYTES
from training.tokenizer import PIECE

MODEL, PRE = "gpt2", "superbpe"
# The shipped tokenizer was trained before digits became tokens of their own.
PIECES = (PIECE, r"\n[ \t]*|(?: ?[^\s])+|[^\S\n]+|\s")
TEXT_DIFFERS = (
    "Give llama.cpp prompts as token ids. Its pre-tokenizers do not include this tokenizer's; the nearest, "
    "superbpe, cuts runs of digits off from what they stand next to and into groups of three, where this "
    "tokenizer may have tokens such as 'utf8' or '0000', and may join an odd blank to the word behind it, "
    "where this tokenizer keeps runs of blanks apart."
)


def add_tokenizer(writer: GGUFWriter, path: Path, vocab_size: int, stop_ids: tuple[int, ...]) -> None:
    """Add the tokenizer.json at `path`, padded with unused tokens to `vocab_size`.

    Raises:
        ModelError: it is not of the shape that `training.tokenizer` writes, or lacks a control token.
    """
    data = read_json(path, MAX_TOKENIZER_BYTES)
    found = {part.get("pattern", {}).get("Regex") for part in _parts(data.get("pre_tokenizer"))}
    pieces = found.intersection(PIECES)
    if not pieces or data.get("normalizer") is not None:
        raise ModelError(
            f"{path}: splits text in another way than training.tokenizer; "
            "convert such a checkpoint with llama.cpp's own convert_hf_to_gguf.py"
        )
    controls = {str(token["content"]): int(token["id"]) for token in data["added_tokens"]}
    if missing := [name for name in FIM_NAMES.values() if name not in controls]:
        raise ModelError(f"{path}: no control token {missing[0]}; export a model that fills gaps")
    if not stop_ids:
        raise ModelError(f"{path.parent}: no stop ids; name them in card.json or generation_config.json")
    texts = {int(index): str(token) for token, index in data["model"]["vocab"].items()}
    texts |= {index: name for name, index in controls.items()}
    ids = range(vocab_size)
    kinds = dict.fromkeys(texts, TokenType.NORMAL) | dict.fromkeys(controls.values(), TokenType.CONTROL)
    writer.add_tokenizer_model(MODEL)
    writer.add_tokenizer_pre(PRE)
    writer.add_string(SPLIT, pieces.pop())
    writer.add_token_list([texts.get(index, f"<|unused_{index}|>") for index in ids])
    writer.add_token_types([kinds.get(index, TokenType.UNUSED) for index in ids])
    writer.add_token_merges([_merge(path, merge) for merge in data["model"]["merges"]])
    writer.add_add_bos_token(False)
    writer.add_add_eos_token(False)
    # llama.cpp takes id 11 for the beginning of a text unless told, here a punctuation mark.
    writer.add_bos_token_id(stop_ids[0])
    writer.add_eos_token_id(stop_ids[0])
    writer.add_eot_token_id(stop_ids[0])
    for key, name in FIM_NAMES.items():
        writer.add_uint32(f"tokenizer.ggml.{key}_token_id", controls[name])


def _parts(pre_tokenizer: Any) -> list[dict[str, Any]]:
    if not isinstance(pre_tokenizer, dict):
        return []
    return [pre_tokenizer, *pre_tokenizer.get("pretokenizers", [])]


def _merge(path: Path, merge: Any) -> str:
    """The two halves with a blank between; byte-level tokens hold no blank themselves."""
    text = merge if isinstance(merge, str) else " ".join(merge)
    if text.count(" ") != 1:
        raise ModelError(f"{path}: {merge!r:.60} is not a merge of two tokens")
    return text
