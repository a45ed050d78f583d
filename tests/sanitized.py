"""A pytest plugin (`-p tests.sanitized`): the native modules are those that were built with sanitizers."""

from __future__ import annotations

from pathlib import Path

import kernels.cpu

kernels.cpu.__path__.insert(0, str(Path(__file__).parents[1] / "build" / "asan"))
