"""Whether to complete at all, and how much: nothing, the rest of a statement, or a block."""

from enum import StrEnum

from lsp_server.document import Snapshot


class Trigger(StrEnum):
    """What a cursor calls for."""

    NONE = "none"
    LINE = "line"
    BLOCK = "block"


def decide(snapshot: Snapshot, offset: int) -> Trigger:
    """What the cursor at `offset` calls for."""
    return Trigger.LINE
