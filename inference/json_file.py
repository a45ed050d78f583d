"""The small JSON files of a checkpoint."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from inference.model import ModelError


def read_json(path: Path, max_bytes: int = 1 << 20) -> dict[str, Any]:
    """The object that a file holds.

    Raises:
        ModelError: naming the file, when it is missing, over `max_bytes`, not JSON or not an object.
    """
    try:
        if path.stat().st_size > max_bytes:
            raise ModelError(f"{path}: larger than {max_bytes} bytes")
        data = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ModelError(f"{path}: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{path}: not JSON: {error}") from error
    if not isinstance(data, dict):
        raise ModelError(f"{path}: expected a JSON object")
    return data
