"""What completions of one session are made with."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field

from inference.messages import Snippet
from lsp_server.completion.edits import Edits
from lsp_server.completion.recent import Recent
from lsp_server.completion.rhythm import Rhythm
from lsp_server.document import Snapshot
from lsp_server.link import Link
from lsp_server.settings import Settings

Near = Callable[[Snapshot, int], Awaitable[tuple[Snippet, ...]]]


@dataclass(frozen=True, slots=True)
class Means:
    """`near` finds what other files say of the names near a cursor, within a deadline of its own. `buffers`
    are the open documents that may be read."""

    settings: Settings
    link: Link
    salt: str
    recent: Recent
    near: Near | None = None
    rhythm: Rhythm = field(default_factory=Rhythm)
    edits: Edits = field(default_factory=Edits)
    buffers: Callable[[], Iterable[Snapshot]] = tuple
