"""Patterns whose time is linear in the text, whoever wrote them.

Python's `re` tries every way to fail: `(a+)+$` on 30 characters takes minutes, and nothing stops it. RE2
runs an automaton; what it cannot run so (look-around, references to groups) it refuses to compile
(docs/decisions/0026).
"""

from __future__ import annotations

from typing import Any

import re2

MAX_PATTERN = 1000  # characters of one pattern
_MAX_MEMORY = 8 << 20  # bytes for one pattern's automaton; beyond, RE2 starts it anew and stays linear


class PatternError(Exception):
    """A text is no pattern that RE2 can run; the text says why."""


def compile_pattern(pattern: str | bytes) -> Any:
    """RE2's compiled pattern, with the methods of `re`'s. Raises PatternError."""
    if len(pattern) > MAX_PATTERN:
        raise PatternError(f"it is longer than {MAX_PATTERN} characters")
    try:
        return compiled(pattern)
    except re2.error as error:
        reason = error.args[0]
        raise PatternError(
            reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
        ) from error
    except UnicodeEncodeError as error:
        raise PatternError("it holds half a surrogate pair") from error


def compiled(pattern: str | bytes) -> Any:
    """As `compile_pattern`, for patterns of our own."""
    options = re2.Options()
    options.log_errors = False  # it would write to stderr
    options.max_mem = _MAX_MEMORY
    return re2.compile(pattern, options)
