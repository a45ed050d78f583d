"""The keys of a GGUF file, each asked for by the type it must have."""

from __future__ import annotations

from collections.abc import Mapping

from inference.model import ModelError

Scalar = bool | int | float | str
Value = Scalar | list[Scalar]


class Metadata:
    """Keys and values. What is asked for and missing, or of another type, is a ModelError naming the key."""

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[str, Value]) -> None:
        self._values = values

    def __contains__(self, key: str) -> bool:
        return key in self._values

    def under(self, prefix: str) -> dict[str, Value]:
        """The values whose keys begin so, by the rest of their keys."""
        return {
            key.removeprefix(prefix): value for key, value in self._values.items() if key.startswith(prefix)
        }

    def integer(self, key: str, default: int | None = None) -> int:
        value = self._values.get(key, default)
        if type(value) is not int:
            raise self._error(key, "an integer")
        return value

    def number(self, key: str, default: float | None = None) -> float:
        value = self._values.get(key, default)
        if type(value) not in (int, float):
            raise self._error(key, "a number")
        return float(value)  # type: ignore[arg-type]  # not narrowed by `in`

    def text(self, key: str, default: str | None = None) -> str:
        value = self._values.get(key, default)
        if not isinstance(value, str):
            raise self._error(key, "a text")
        return value

    def texts(self, key: str) -> list[str]:
        value = self._values.get(key)
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise self._error(key, "an array of texts")
        return value  # type: ignore[return-value]  # each item was looked at

    def integers(self, key: str) -> list[int]:
        value = self._values.get(key)
        if not isinstance(value, list) or not all(type(item) is int for item in value):
            raise self._error(key, "an array of integers")
        return value  # type: ignore[return-value]  # each item was looked at

    def _error(self, key: str, wanted: str) -> ModelError:
        if key not in self._values:
            return ModelError(f"{key} is missing")
        return ModelError(f"{key} is {self._values[key]!r:.60}, not {wanted}")
