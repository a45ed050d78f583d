"""torch.compile, when asked for and not before: importing its back end alone takes seconds."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import ParamSpec, TypeVar

import torch

P = ParamSpec("P")
R = TypeVar("R")


@cache
def _compiled(function: Callable[P, R]) -> Callable[P, R]:
    return torch.compile(function, dynamic=False)


def fused(function: Callable[P, R], compiled: bool) -> Callable[P, R]:
    """`function`, or its compiled form; one compilation a function and set of shapes."""
    return _compiled(function) if compiled else function
