"""One look around: what the sources have found for a place so far, and what is shown of it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from lsp_server.completion.fit import Kind, Shown, fit
from lsp_server.completion.sources.query import Piece


@dataclass(slots=True, eq=False)
class Look:
    """What there was to be found from a line of a document; `before` is what an earlier look had found.

    `as_of` numbers the last change of any document that it has seen. `task` fills `found`, by the order of
    the sources, as each answers, and `shown` when all have.
    """

    line: int
    as_of: int
    num_tokens: int
    before: tuple[Shown, ...]
    task: asyncio.Task[None] | None = None
    found: dict[tuple[int, Kind], tuple[Piece, ...]] = field(default_factory=dict)
    shown: tuple[Shown, ...] | None = None

    @property
    def is_over(self) -> bool:
        """Whether nothing more will be found."""
        return self.task is None or self.task.done()

    def pieces(self) -> tuple[Shown, ...]:
        """All that may be shown by now."""
        return self.shown if self.shown is not None else self.before or self.chosen()

    def chosen(self) -> tuple[Shown, ...]:
        """The best of what has been found."""
        by_kind: dict[Kind, list[Piece]] = {}
        for order, kind in sorted(self.found):
            by_kind.setdefault(kind, []).extend(self.found[order, kind])
        return fit(by_kind, self.before, self.num_tokens)
