"""The card beside a checkpoint: which prompt its model was trained on, and how much of it."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Literal, get_args

from inference.json_file import read_json
from inference.model import ModelError

PromptFormat = Literal["midfill-spm", "qwen"]


@dataclass(frozen=True, slots=True)
class Card:
    """`card.json`.

        {"name": "midfill-py-10m", "format": "midfill-spm", "prefix_tokens": 320, "suffix_tokens": 96,
         "max_new_tokens": 64, "stop_ids": [0]}

    `prefix_tokens` and `suffix_tokens` bound what a prompt holds of the text before and after the cursor,
    `snippet_tokens` what it holds of other files. Control tokens end a completion whether listed or not.
    """

    name: str
    format: PromptFormat
    prefix_tokens: int
    suffix_tokens: int
    max_new_tokens: int
    stop_ids: tuple[int, ...] = ()
    snippet_tokens: int = 0

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name or len(self.name) > 200:
            raise ModelError("card: name must be a text of 1 to 200 characters")
        if self.format not in get_args(PromptFormat):
            raise ModelError(
                f"card: format must be one of {', '.join(get_args(PromptFormat))}, not {self.format!r}"
            )
        bounds = {"prefix_tokens": 16, "suffix_tokens": 0, "max_new_tokens": 1, "snippet_tokens": 0}
        for name, least in bounds.items():
            value = getattr(self, name)
            if type(value) is not int or not least <= value <= 1 << 20:
                raise ModelError(f"card: {name} must be an integer from {least} to {1 << 20}, not {value!r}")
        if not all(type(stop) is int and stop >= 0 for stop in self.stop_ids):
            raise ModelError(f"card: stop_ids must be token ids, not {self.stop_ids!r}")

    @classmethod
    def from_file(cls, path: Path) -> Card:
        """Read a card.

        Raises:
            ModelError: naming the file and the field.
        """
        data = read_json(path)
        known = {field.name for field in fields(cls)}
        if unknown := sorted(set(data) - known):
            raise ModelError(f"{path}: unknown field {unknown[0]!r}")
        if not isinstance(data.get("stop_ids", []), list):
            raise ModelError(f"{path}: stop_ids must be a list")
        try:
            return cls(**{**data, "stop_ids": tuple(data.get("stop_ids", []))})
        except ModelError as error:
            raise ModelError(f"{path}: {error}") from error
        except TypeError as error:
            missing = sorted(known - set(data) - {"stop_ids", "snippet_tokens"})
            raise ModelError(f"{path}: {', '.join(missing)} missing") from error

    def with_stop_ids(self, more: tuple[int, ...]) -> Card:
        """The same card with further stop ids."""
        return replace(self, stop_ids=tuple(sorted({*self.stop_ids, *more})))
