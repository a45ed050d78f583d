"""An index of the text around a cursor: how it went on where it says what now stands before the cursor.

A suffix automaton in native code (automaton.h), built once for all processors.
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from kernels.text.interface import Index


def available() -> bool:
    """Whether the native module was built."""
    return find_spec("kernels.text._text") is not None


def index(before: bytes, behind: bytes) -> Index:
    """An index of the texts before and behind a cursor; to make it takes 0.15 ms a kilobyte.

    Raises:
        ImportError: the native module was not built.
    """
    return cast("Index", import_module("kernels.text._text").Index(before, behind))
