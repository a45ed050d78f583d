"""What of the model's text is shown."""

from dataclasses import dataclass

from lsp_server.completion.trigger import Trigger
from lsp_server.document import Snapshot


@dataclass(frozen=True, slots=True)
class Trimmed:
    """The text to show so far, in the document's line ends; `complete` says that no more of the model is wanted."""

    text: str
    complete: bool


class Trim:
    """Fed with the model's text as it streams, says how much of it to show.

    `feed` returns the whole text so far, never the increment; what it has shown stays a prefix of what it shows later.
    """

    def __init__(self, snapshot: Snapshot, offset: int, trigger: Trigger, multiline: bool = True) -> None:
        self._text = ""

    def feed(self, chunk: str) -> Trimmed:
        """Take the next chunk of the model's text."""
        self._text += chunk
        return Trimmed(self._text, False)

    def finish(self) -> Trimmed:
        """The model has ended: the text to show, with what was held back until it was clear."""
        return Trimmed(self._text, True)
