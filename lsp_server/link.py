"""What the server needs of the worker link; `worker_link.WorkerLink` is the one, tests have another."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Protocol

from inference.messages import Done, Error, Generate, Odds
from lsp_server.settings import Settings
from lsp_server.worker_link import LinkStatus


class Generation(Protocol):
    """The text of one Generate as it comes. After the last piece either `done` or `error` is set."""

    @property
    def done(self) -> Done | None: ...

    @property
    def error(self) -> Error | None: ...

    @property
    def logprob(self) -> float:
        """The logarithmic probability of all text that has been read."""
        ...

    @property
    def waited_ms(self) -> float:
        """From the request to the last message before the end or a `cancel`."""
        ...

    def __aiter__(self) -> AsyncIterator[str]: ...

    def cancel(self) -> None:
        """Stop the model before its next step, and the iteration. May be called again, and after the end."""
        ...

    async def outcome(self) -> Done | Error:
        """The worker's last word on it, with its statistics; comes after a `cancel` too."""
        ...


class Link(Protocol):
    """A connection to a worker that is made, and made again, behind the server's back."""

    @property
    def calibration(self) -> tuple[Odds, ...]:
        """How often lines of a probability are right, by the worker's model; () where nobody knows."""
        ...

    async def start(self) -> None:
        """Return at once; attach or spawn in the background."""
        ...

    def generate(self, request: Generate) -> Generation:
        """Ask for text. Without a worker the generation ends at once with an error."""
        ...

    async def close(self) -> None: ...


Connect = Callable[[Settings, Callable[[LinkStatus], None]], Link]
"""Makes the link for some settings; its second argument is told of every change of state."""
