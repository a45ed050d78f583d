"""Where text is wanted and how it came to that, and whether it is a moment to have the model asked."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from lsp_server.completion.eagerness import ASKED_FOR, LEVELS, Eagerness, Restraint
from lsp_server.document import Snapshot
from lsp_server.settings import Settings
from lsp_server.turns import Turn
from lsp_server.why.trace import Trace


@dataclass(frozen=True, slots=True)
class Moment:
    """A request at `offset`.

    `invoked`: the user asked for it, and did not only type on. `erased`: the last that was done here was to
    take text away. `extends`: the editor's popup is closed, or the entry selected in it begins with what was
    typed of it, so that a completion behind it can be drawn. `trace` is where every stage writes down what it
    came to.
    """

    snapshot: Snapshot
    offset: int
    invoked: bool = False
    erased: bool = False
    extends: bool = True
    trace: Trace = field(default_factory=Trace, compare=False)

    def level(self, settings: Settings) -> Eagerness:
        """How sure a text has to be."""
        return ASKED_FOR if self.invoked else LEVELS[settings.eagerness]

    def restraint(self, settings: Settings) -> Restraint | None:
        """Behind what kind of line nothing is asked; None: behind any."""
        return self.level(settings).restraint if settings.has("complete-line") else None

    def can_show(self, settings: Settings) -> bool:
        """Whether the editor would draw anything: VS Code draws nothing that replaces what was typed."""
        return self.extends or self.invoked or not settings.has("popup")

    def is_worth_asking(self, settings: Settings) -> bool:
        """Whether the model is to be asked. Whoever erases goes back to what was there, and the model would
        say again what has just been refused."""
        return self.invoked or not self.erased or not settings.has("deletion")


async def is_left_at_peace(turn: Turn, seconds: float) -> bool:
    """Wait; whether the turn is still held then. Returns at once when it is lost."""
    if seconds > 0:
        lost = asyncio.Event()
        turn.on_lost(lost.set)
        try:
            async with asyncio.timeout(seconds):
                await lost.wait()
        except TimeoutError:
            pass
    return not turn.is_lost()
