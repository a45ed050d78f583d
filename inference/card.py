"""The card beside a checkpoint: which prompt its model was trained on, and how much of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal, get_args

from inference.copying import LENGTHS
from inference.json_file import read_json
from inference.messages import MAX_ODDS
from inference.model import ModelError
from inference.tokenizer import Tokenizer

MAX_BEAM_WIDTH = 8
PromptFormat = Literal["midfill-spm", "qwen"]


@dataclass(frozen=True, slots=True)
class Card:
    """`card.json`.

        {"name": "midfill-py-10m", "format": "midfill-spm", "prefix_tokens": 320, "suffix_tokens": 96,
         "max_new_tokens": 64, "stop_ids": [0]}

    `prefix_tokens` and `suffix_tokens` bound what a prompt holds of the text before and after the cursor,
    `snippet_tokens` what it holds of other files, and in midfill-spm `name_tokens` the name of a file, which
    a model that was trained without names must not be shown. Control tokens end a completion whether listed
    or not. `copy_weights`, one for each of `copying.LENGTHS`, say how far to trust what followed an earlier
    occurrence of the text before the cursor against the model; without any nothing is copied. `beam_width`
    is how many ways to go on with a line are weighed against each other; 1 is greedy. `calibration` are pairs
    of a line's probability and the share of lines as probable that are right, both rising; without it, a
    probability is taken at its word.
    """

    name: str
    format: PromptFormat
    prefix_tokens: int
    suffix_tokens: int
    max_new_tokens: int
    stop_ids: tuple[int, ...] = ()
    snippet_tokens: int = 0
    name_tokens: int = 0
    copy_weights: tuple[float, ...] = ()
    beam_width: int = 1
    calibration: tuple[tuple[float, float], ...] = ()

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name or len(self.name) > 200:
            raise ModelError("card: name must be a text of 1 to 200 characters")
        if self.format not in get_args(PromptFormat):
            raise ModelError(
                f"card: format must be one of {', '.join(get_args(PromptFormat))}, not {self.format!r}"
            )
        bounds = {
            "prefix_tokens": 16,
            "suffix_tokens": 0,
            "max_new_tokens": 1,
            "snippet_tokens": 0,
            "name_tokens": 0,
        }
        for name, least in bounds.items():
            value = getattr(self, name)
            if type(value) is not int or not least <= value <= 1 << 20:
                raise ModelError(f"card: {name} must be an integer from {least} to {1 << 20}, not {value!r}")
        if not all(type(stop) is int and stop >= 0 for stop in self.stop_ids):
            raise ModelError(f"card: stop_ids must be token ids, not {self.stop_ids!r}")
        if type(self.beam_width) is not int or not 1 <= self.beam_width <= MAX_BEAM_WIDTH:
            raise ModelError(
                f"card: beam_width must be an integer from 1 to {MAX_BEAM_WIDTH}, not {self.beam_width!r}"
            )
        self._check_calibration()
        if self.copy_weights:
            if len(self.copy_weights) != len(LENGTHS):
                raise ModelError(f"card: copy_weights must be {len(LENGTHS)} numbers or none")
            if not all(type(w) in (int, float) and 0 <= w < 1 for w in self.copy_weights):
                raise ModelError(f"card: copy_weights must be from 0 to below 1, not {self.copy_weights!r}")
            if not self.stop_ids:
                raise ModelError("card: copy_weights need stop_ids")

    def _check_calibration(self) -> None:
        pairs = self.calibration
        if len(pairs) > MAX_ODDS or not all(isinstance(pair, tuple) and len(pair) == 2 for pair in pairs):
            raise ModelError(f"card: calibration must be at most {MAX_ODDS} pairs of numbers")
        if not all(type(share) in (int, float) and 0 <= share <= 1 for pair in pairs for share in pair):
            raise ModelError(f"card: calibration must be of numbers from 0 to 1, not {pairs!r:.100}")
        if any(a[0] >= b[0] or a[1] > b[1] for a, b in pairwise(pairs)):
            raise ModelError("card: calibration must rise")

    @classmethod
    def from_file(cls, path: Path) -> Card:
        """Read a card.

        Raises:
            ModelError: naming the file and the field.
        """
        try:
            return cls.from_json(read_json(path))
        except ModelError as error:
            raise ModelError(f"{path}: {error}") from error

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Card:
        """Take a parsed card.

        Raises:
            ModelError: naming the field.
        """
        known = {field.name for field in fields(cls)}
        if unknown := sorted(set(data) - known):
            raise ModelError(f"unknown field {unknown[0]!r}")
        lists = ("stop_ids", "copy_weights", "calibration")
        for name in lists:
            if not isinstance(data.get(name, []), list):
                raise ModelError(f"{name} must be a list")
        data = {**data, **{name: tuple(data.get(name, [])) for name in lists}}
        data["calibration"] = tuple(tuple(p) if isinstance(p, list) else p for p in data["calibration"])
        try:
            return cls(**data)
        except TypeError as error:
            missing = sorted(known - set(data) - {*lists, "snippet_tokens", "name_tokens", "beam_width"})
            raise ModelError(f"{', '.join(missing)} missing") from error

    def ends(self, tokenizer: Tokenizer) -> frozenset[int]:
        """Every token that ends a completion."""
        return frozenset({*self.stop_ids, *tokenizer.controls.values()})

    def with_stop_ids(self, more: tuple[int, ...]) -> Card:
        """The same card with further stop ids."""
        return replace(self, stop_ids=tuple(sorted({*self.stop_ids, *more})))
