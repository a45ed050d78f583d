"""What one request went through. Writing down is an append to a list; nothing is worked out before somebody
asks."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from inference.messages import Done, Error, Odds, Snippet
from lsp_server.completion.gates.verdict import Verdict

if TYPE_CHECKING:
    from lsp_server.completion.asked import Asked
    from lsp_server.completion.stream import Reader

SUPERSEDED = "the user has gone on: a newer request, a change, or a cancel came before the answer"
MOVED_ON = "the document had changed when the answer was there"


@dataclass(slots=True, eq=False)
class Trace:
    """Filled in from top to bottom by those who are named.

    `asked`, by whoever makes the request, is None where there is nothing to replay: a document that is
    refused, or one too long ago. `stages`, by each stage, are names with the time of its end, by the
    clock of `time.perf_counter`. `chunks`, by the draft, are the pieces that were read, each with the
    logarithmic probability of the text up to its end. `silence`, by whoever ends it without a text, is why.
    """

    uri: str = ""
    number: int = 0
    began_s: float = field(default_factory=time.perf_counter)
    began_at: float = field(default_factory=time.time)
    asked: Asked | None = None
    stages: list[tuple[str, float]] = field(default_factory=list)
    snippets: tuple[Snippet, ...] = ()
    reader: Reader | None = None
    calibration: tuple[Odds, ...] = ()
    chunks: list[tuple[str, float]] = field(default_factory=list)
    candidates: int = 0
    verdicts: list[Verdict] = field(default_factory=list)
    shown: str = ""
    silence: str = ""
    _size: tuple[int, int] = (0, 0)
    _source: str = ""
    _done: Done | None = None
    _error: Error | None = None

    @property
    def size(self) -> tuple[int, int]:
        """The characters and the lines of what was shown."""
        return (len(self.shown), 1 + self.shown.count("\n")) if self.shown else self._size

    @property
    def source(self) -> str:
        """Where the text came from: "" for nowhere, else as `Reader.source`."""
        return self.reader.source if self.reader is not None else self._source

    @property
    def done(self) -> Done | None:
        """The worker's last word so far."""
        return self.reader.done if self.reader is not None else self._done

    @property
    def error(self) -> Error | None:
        """What ended the generation, if that was no good end."""
        return self.reader.error if self.reader is not None else self._error

    def mark(self, stage: str) -> None:
        """The stage of this name is over."""
        self.stages.append((stage, time.perf_counter()))

    def silent(self, why: str) -> None:
        """Nothing is shown. What was said first counts: it is nearest to the reason."""
        self.silence = self.silence or why
        self.mark("end")

    def refused(self, why: str) -> None:
        """Nothing is even read: then nothing is kept either."""
        self.forget_text()
        self.silent(why)

    def show(self, text: str) -> None:
        """This is what the user gets."""
        self.shown, self.silence = text, ""
        self.mark("end")

    def withdrawn(self, why: str) -> None:
        """What was to be shown is not, after all."""
        self.shown = ""
        self.silence = why

    def close(self) -> None:
        """The request is over. One that came to no end of its own was cancelled by the editor."""
        if not self.shown and not self.silence:
            self.silent("the editor has cancelled it")

    def forget_text(self) -> None:
        """Keep the numbers alone."""
        self._source, self._error = self.source, self.error
        self._done = None if self.done is None else replace(self.done, alternatives=())
        self._size = self.size
        self.asked, self.snippets, self.reader, self.shown = None, (), None, ""
        self.chunks.clear()
        self.verdicts = [Verdict(verdict.gate, "", verdict.at) for verdict in self.verdicts]
