"""Text to token ids and back, for byte-level BPE tokenizers in Hugging Face's `tokenizer.json`.

A control token is one listed under `added_tokens`. Text that merely looks like one is encoded as text: the
tokenizer that sees text has never heard of them. Switching special tokens off at encoding
(`encode_special_tokens`) would not do, since Qwen lists its FIM tokens with `special: false`.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tokenizers
import tokenizers.models

from inference.json_file import read_json
from inference.model import ModelError

MAX_TOKENIZER_BYTES = 64 << 20
LINE_PARTING = frozenset(
    {r"\n[ \t]*|(?: ?[^\s])+|[^\S\n]+|\s", r"\n[ \t]*| ?[0-9]|(?: ?[^\s0-9])+|[^\S\n]+|\s"}
)
"""Of our own tokenizers, for what is merged separately: a line end and the indentation behind it, words with
single blanks between them, other white space, in the second a digit. A line end is in the first kind alone,
which begins with it; and none looks at what stands around it."""
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


class Tokenizer:
    r"""One model's tokenizer. `pieces[i]` is the bytes of token i, b"" for control tokens and unused ids.

    `parts_lines`: a text and one that begins with a \n have together the tokens that each has alone.
    """

    __slots__ = ("_text", "controls", "parts_lines", "pieces")

    def __init__(self, data: Mapping[str, Any]) -> None:
        """Build from a parsed tokenizer.json.

        Raises:
            ModelError: not a byte-level BPE, or not a tokenizer at all.
        """
        try:
            added = {str(token["content"]): int(token["id"]) for token in data.get("added_tokens") or []}
            vocabulary = {
                str(token): int(index)
                for token, index in data["model"]["vocab"].items()
                if str(token) not in added
            }
            if data["model"].get("type", "BPE") != "BPE" or not _mentions_byte_level(data.get("decoder")):
                raise ModelError("only byte-level BPE tokenizers are supported")
            self._text = tokenizers.Tokenizer.from_str(
                json.dumps(
                    {
                        **data,
                        "added_tokens": [],
                        "model": {**data["model"], "vocab": {}, "merges": []},
                        "post_processor": None,
                        "truncation": None,
                        "padding": None,
                    }
                )
            )
            # Not by way of JSON: for the tokenizer that ships, 14 ms of a worker's start instead of 41.
            self._text.model = _model(data["model"], vocabulary)
        except ModelError:
            raise
        except Exception as error:  # tokenizers raises bare Exception for whatever its parser dislikes
            raise ModelError(f"not a tokenizer: {type(error).__name__}: {error}") from error
        ids = [*vocabulary.values(), *added.values()]
        if not vocabulary or min(ids) < 0 or max(ids) >= 1 << 22 or len(set(ids)) != len(ids):
            raise ModelError("token ids must be distinct, from 0 to 4194303")
        pieces = [b""] * (max(ids) + 1)
        if strange := set[str]().union(*vocabulary) - _BYTE_OF.keys():
            token = next(token for token in vocabulary if not strange.isdisjoint(token))
            raise ModelError(f"token {token!r:.40} is not byte-level")
        for token, index in vocabulary.items():
            pieces[index] = token.translate(_CHARACTER_OF).encode("latin-1")
        self.pieces = tuple(pieces)
        self.controls: Mapping[str, int] = added
        self.parts_lines = _parts_lines(data)

    @classmethod
    def from_file(cls, path: Path) -> Tokenizer:
        """Read a tokenizer.json.

        Raises:
            ModelError: naming the file and the cause.
        """
        data = read_json(path, MAX_TOKENIZER_BYTES)
        try:
            return cls(data)
        except ModelError as error:
            raise ModelError(f"{path}: {error}") from error

    @property
    def vocab_size(self) -> int:
        return len(self.pieces)

    def control(self, name: str) -> int:
        """The id of a control token.

        Raises:
            ModelError: the tokenizer has none of this name.
        """
        try:
            return self.controls[name]
        except KeyError:
            raise ModelError(f"the tokenizer has no control token {name}") from None

    def encode(self, text: str) -> list[int]:
        """Token ids of text; none of them is a control token. A lone surrogate counts as U+FFFD."""
        ids: list[int] = self._text.encode(_sound(text), add_special_tokens=False).ids
        return ids

    def encode_with_starts(self, text: str) -> tuple[list[int], list[int]]:
        """Token ids, and for each the index in `text` of the first character it holds any byte of."""
        encoding = self._text.encode(_sound(text), add_special_tokens=False)
        return encoding.ids, [start for start, _ in encoding.offsets]

    def word_starts(self, text: str) -> list[int]:
        """Where the pieces start that are merged separately: no token crosses one of these indices."""
        splitter = self._text.pre_tokenizer
        if splitter is None or not text:
            return [0]
        return [start for _, (start, _) in splitter.pre_tokenize_str(_sound(text))]

    def normalise(self, text: str) -> str:
        """The text that `encode` really encodes (NFC for Qwen), lone surrogates replaced."""
        text = _sound(text)
        normaliser = self._text.normalizer
        return str(normaliser.normalize_str(text)) if normaliser is not None else text


class Detokenizer:
    """Bytes of tokens to text as they come: only whole characters; bytes that are not UTF-8 become U+FFFD."""

    __slots__ = ("_decoder",)

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def feed(self, piece: bytes) -> str:
        """The characters that `piece` completes. A character left unfinished at the end is never returned."""
        return self._decoder.decode(piece)


def _sound(text: str) -> str:
    return text if text.isascii() else _LONE_SURROGATE.sub("\ufffd", text)


def _parts_lines(data: Mapping[str, Any]) -> bool:
    """Whether it is split in a way that begins a piece at each line end, and nothing else is done."""
    parts = (data.get("pre_tokenizer") or {}).get("pretokenizers")
    if not isinstance(parts, list) or len(parts) != 2 or data.get("normalizer") is not None:
        return False
    split, level = parts
    return bool(
        split.get("type") == "Split"
        and split.get("pattern") in [{"Regex": expression} for expression in LINE_PARTING]
        and split.get("behavior") == "Isolated"
        and split.get("invert") is False
        and level.get("type") == "ByteLevel"
        and level.get("add_prefix_space") is False
        and level.get("use_regex") is False
        and not data["model"].get("dropout")
    )


def _mentions_byte_level(part: object) -> bool:
    if isinstance(part, dict):
        return part.get("type") == "ByteLevel" or any(map(_mentions_byte_level, part.values()))
    return isinstance(part, list) and any(map(_mentions_byte_level, part))


def _byte_alphabet() -> dict[str, int]:
    """GPT-2's printable stand-in for each byte: itself if printable, else the next free one from 256 on."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    return {chr(byte): byte for byte in printable} | {chr(256 + i): byte for i, byte in enumerate(others)}


def _model(data: Mapping[str, Any], vocabulary: dict[str, int]) -> tokenizers.models.BPE:
    """Raises whatever tokenizers dislikes. A merge is a pair, or as in older files a text with a blank."""
    merges = [tuple(merge.split(" ") if isinstance(merge, str) else merge) for merge in data["merges"]]
    options = {name: data[name] for name in _OPTIONS if data.get(name) is not None}
    return tokenizers.models.BPE(vocabulary, merges, **options)


_BYTE_OF = _byte_alphabet()
_CHARACTER_OF = {ord(character): byte for character, byte in _BYTE_OF.items()}
"""For str.translate: to the character that is the byte in Latin-1."""
_OPTIONS = (
    "dropout",
    "unk_token",
    "continuing_subword_prefix",
    "end_of_word_suffix",
    "fuse_unk",
    "byte_fallback",
    "ignore_merges",
)
