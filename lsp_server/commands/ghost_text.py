"""A completion inside its line, growing on a terminal as it streams."""

from typing import TextIO

from lsp_server.commands.terminal import DIM, painted, printable
from lsp_server.document import Snapshot


class GhostText:
    """Writes the cursor's line up to the cursor, then the text as it grows, then the rest of the line.

    What is shown grows at its end, and a terminal takes nothing back. Where text is withdrawn (`trim.Trim`
    does it for a model in a loop, `answer` for text not worth showing), the line is written anew below.
    """

    def __init__(self, snapshot: Snapshot, offset: int, stream: TextIO) -> None:
        self._before = snapshot.text[snapshot.line_start(offset) : offset]
        self._after = snapshot.text[offset : snapshot.line_end(offset)]
        self._stream = stream
        self._shown: str | None = None  # None until there is text to show

    def grow(self, text: str) -> None:
        """Show the text so far."""
        shown = self._shown
        if shown is None or not text.startswith(shown):
            self._stream.write(("" if shown is None else "\n") + printable(self._before))
            shown = ""
        self._stream.write(painted(printable(text[len(shown) :]), DIM, self._stream))
        self._stream.flush()
        self._shown = text

    def finish(self, text: str) -> None:
        """Show the whole text and end the line; with no text at all, write nothing."""
        if not text and self._shown is None:
            return
        self.grow(text)
        self._stream.write(printable(self._after) + "\n")
        self._stream.flush()
