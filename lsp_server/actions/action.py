"""What a code action is made of; it knows neither the protocol nor the worker."""

from __future__ import annotations

from typing import Protocol

from lsp_server.actions.gap import Gap
from lsp_server.document import Snapshot


class Filling(Protocol):
    """What has come of a gap so far."""

    def feed(self, chunk: str) -> bool:
        """Take the next chunk of the model's text; whether no more is wanted."""
        ...

    def finish(self, truncated: bool) -> str:
        """The text for the gap. Raises ActionError where it is not fit for it.

        `truncated`: the model would have gone on, had it been allowed more.
        """
        ...


class Action(Protocol):
    """One code action by infilling."""

    @property
    def name(self) -> str:
        """Names it between codeAction and codeAction/resolve."""
        ...

    @property
    def title(self) -> str:
        """What the menu says."""
        ...

    @property
    def max_tokens(self) -> int: ...

    def find(self, snapshot: Snapshot, offset: int) -> Gap | None:
        """The gap to fill for a cursor at `offset`; None where the action makes no sense."""
        ...

    def fill(self, opened: Snapshot, offset: int) -> Filling:
        """Begin to fill: `opened` is the document with the gap empty at `offset`."""
        ...
