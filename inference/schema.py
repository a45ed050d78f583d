"""Checks plain maps against frozen dataclasses: the rules a message's annotations state.

A field is `int`, `float`, `str`, another such dataclass, or `tuple[X, ...]`, and carries its bounds in
`Annotated`. Both directions use the same rules, so what one side may send is what the other accepts.
"""

import dataclasses
import typing
from collections.abc import Callable
from typing import Annotated, Any, TypeVar

_T = TypeVar("_T")


class SchemaError(ValueError):
    """A value breaks its field's rule; the message names the field."""


@dataclasses.dataclass(frozen=True, slots=True)
class Range:
    """Bounds of a number, both included. NaN lies in no range."""

    low: float
    high: float


@dataclasses.dataclass(frozen=True, slots=True)
class MaxLength:
    """Bound on the characters of a text or the items of a tuple."""

    length: int


@dataclasses.dataclass(frozen=True, slots=True)
class OneOf:
    """The only texts a field may hold."""

    values: tuple[str, ...]


_Bound = Range | MaxLength | OneOf
_Rule = Callable[[object, str], object]


def to_map(value: object) -> dict[str, object]:
    """The map of a dataclass's fields, checked. Raises SchemaError."""
    return {name: field.write(getattr(value, name), name) for name, field in _fields(type(value)).items()}


def from_map(cls: type[_T], fields: dict[str, object], where: str = "") -> _T:
    """Builds `cls` from a map; a field with a default may be left out. Raises SchemaError."""
    known = _fields(cls)
    values: dict[str, object] = {}
    for name, value in fields.items():
        if name not in known:
            raise SchemaError(f"unknown field {where}{name!s:.40}")
        values[name] = known[name].read(value, where + name)
    for name, field in known.items():
        if field.required and name not in values:
            raise SchemaError(f"field {where}{name} is missing")
    return cls(**values)


@dataclasses.dataclass(frozen=True, slots=True)
class _Field:
    read: _Rule
    write: _Rule
    required: bool


_known: dict[type, dict[str, _Field]] = {}


def _fields(cls: type) -> dict[str, _Field]:
    if cls not in _known:
        _known[cls] = _compile(cls)
    return _known[cls]


def _compile(cls: type) -> dict[str, _Field]:
    hints = typing.get_type_hints(cls, include_extras=True)
    return {
        field.name: _Field(
            read=_rule(hints[field.name], reading=True),
            write=_rule(hints[field.name], reading=False),
            required=field.default is dataclasses.MISSING,
        )
        for field in dataclasses.fields(cls)
    }


def _rule(hint: Any, *, reading: bool) -> _Rule:
    bound: _Bound | None = None
    if typing.get_origin(hint) is Annotated:
        hint, bound = typing.get_args(hint)
    if hint is int or hint is float:
        return _number(hint, bound, reading=reading)
    if hint is str:
        return _text(bound)
    if typing.get_origin(hint) is tuple:
        return _many(_rule(typing.get_args(hint)[0], reading=reading), bound, reading=reading)
    return _nested(hint, reading=reading)


def _number(kind: type, bound: _Bound | None, *, reading: bool) -> _Rule:
    assert isinstance(bound, Range), "every number states its range"  # noqa: S101 - a mistake in our own classes
    # A writer may say 0 for 0.0; on the wire a float is a float. bool is a subclass of int, and never meant.
    accepted = (kind,) if reading or kind is int else (int, float)

    def check(value: object, where: str) -> object:
        if type(value) not in accepted:
            raise SchemaError(f"field {where} must be {kind.__name__}, not {type(value).__name__}")
        if not bound.low <= typing.cast(float, value) <= bound.high:
            raise SchemaError(f"field {where} must lie in {bound.low}..{bound.high}")
        return kind(value)

    return check


def _text(bound: _Bound | None) -> _Rule:
    def check(value: object, where: str) -> object:
        if type(value) is not str:
            raise SchemaError(f"field {where} must be str, not {type(value).__name__}")
        if isinstance(bound, MaxLength) and len(value) > bound.length:
            raise SchemaError(f"field {where} has {len(value)} characters, the limit is {bound.length}")
        if isinstance(bound, OneOf) and value not in bound.values:
            raise SchemaError(f"field {where} must be one of {', '.join(bound.values)}")
        return value

    return check


def _many(item: _Rule, bound: _Bound | None, *, reading: bool) -> _Rule:
    assert isinstance(bound, MaxLength), "every tuple states its length"  # noqa: S101 - as above
    accepted = list if reading else tuple
    result: Callable[..., object] = tuple if reading else list

    def check(value: object, where: str) -> object:
        if not isinstance(value, accepted):
            raise SchemaError(f"field {where} must be a list, not {type(value).__name__}")
        if len(value) > bound.length:
            raise SchemaError(f"field {where} has {len(value)} items, the limit is {bound.length}")
        return result(item(each, f"{where}[{index}]") for index, each in enumerate(value))

    return check


def _nested(cls: type, *, reading: bool) -> _Rule:
    def read(value: object, where: str) -> object:
        if not isinstance(value, dict):
            raise SchemaError(f"field {where} must be a map, not {type(value).__name__}")
        return from_map(cls, value, where + ".")

    def write(value: object, where: str) -> object:
        if type(value) is not cls:
            raise SchemaError(f"field {where} must be {cls.__name__}, not {type(value).__name__}")
        return to_map(value)

    return read if reading else write
