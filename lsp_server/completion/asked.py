"""A request as it came, so that it can be made again."""

from __future__ import annotations

from dataclasses import dataclass

from lsp_server.completion.moment import Moment
from lsp_server.document import Snapshot
from lsp_server.settings import Settings
from lsp_server.why.trace import Trace


@dataclass(frozen=True, slots=True)
class Asked:
    """For text at `offset`, under these settings; the rest is as in `Moment`."""

    snapshot: Snapshot
    offset: int
    settings: Settings
    invoked: bool = False
    erased: bool = False
    extends: bool = True

    def moment(self, trace: Trace) -> Moment:
        """The moment of an answer, which writes into `trace`."""
        return Moment(self.snapshot, self.offset, self.invoked, self.erased, self.extends, trace)
