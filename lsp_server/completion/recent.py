"""Texts of recent requests, and those on their way: what serves a keystroke without asking the model anew."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from lsp_server.completion.origin import Origin
from lsp_server.completion.stream import Reader, State, Stream, is_ahead
from lsp_server.document import Snapshot
from lsp_server.link import Generation

# Of all documents together. A text has at most `MAX_TOKENS_LIMIT` tokens, most have some hundred characters.
NUM_STREAMS = 128


class Recent:
    """The last streams, newest first; `Origin` has the rule by which a text fits a later place.

    Typing through a shown text, going back and typing it again, and scrolling all find the stream they began
    with. A list and not a trie: what is compared first is the few characters typed since, and where none
    fits, all are passed over in a quarter of a millisecond. In memory alone, and of the user's own text there
    is none in it but what the model repeated.

    Of the streams that run without a reader only those go on that the next request may fit.
    """

    def __init__(self) -> None:
        self._streams: deque[Stream] = deque()
        self._priming: Generation | None = None

    @property
    def is_read(self) -> bool:
        """Whether anybody waits for the model."""
        return any(stream.is_read for stream in self._streams)

    @property
    def is_running(self) -> bool:
        """Whether the model is at work for anybody, or for what may be asked next."""
        return any(stream.is_running for stream in self._streams)

    def still_shown(self, snapshot: Snapshot, offset: int) -> tuple[str, Reader] | None:
        """What is left at `offset` of a completion that the user types through, and its reader.

        The document would be the same with it as with all of the completion, so trimming it anew can tell
        nothing new; but text that is cut off in a bracket may look as if it closed one too many.
        """
        for stream in self._streams:
            rest = stream.origin.rest_of(stream.shown, snapshot, offset)
            if rest is not None:
                return rest, stream.read(len(stream.text), "recent")
        return None

    def find(self, snapshot: Snapshot, offset: int, serves: Callable[[str, Stream], bool]) -> Reader | None:
        """A reader of what is still to come of the newest text that fits; None: the model has to be asked.

        A stream that is running is taken over. One that has ended has to say enough: `serves` is asked, with
        the rest of its text.
        """
        for stream in self._streams:
            if stream.state is State.FAILED:
                continue
            start = stream.origin.reached(stream.text, snapshot, offset)
            if start is not None and (stream.is_running or serves(stream.text[start:], stream)):
                return stream.read(start, "adopted" if stream.is_running else "recent")
        return None

    def begun(self, snapshot: Snapshot, offset: int) -> Reader | None:
        """A reader of the newest text that has ended, fits and has anything left to say here, though it may
        not be all that the model would say."""
        for stream in self._streams:
            if stream.is_running or stream.state is State.FAILED:
                continue
            start = stream.origin.reached(stream.text, snapshot, offset)
            if start is not None and stream.text[start:].strip():
                return stream.read(start, "recent")
        return None

    def goes_on(self, snapshot: Snapshot, offset: int) -> bool:
        """Whether it is known, or on its way, what the model would say at `offset`, some lines of it."""
        for stream in self._streams:
            start = stream.origin.reached(stream.text, snapshot, offset)
            if start is None or stream.state is State.FAILED:
                continue
            if stream.is_running or (stream.is_whole and not stream.is_truncated):
                return True
            if is_ahead(stream.text[start:]):
                return True
        return False

    def open(self, origin: Origin, ask: Callable[[], Generation]) -> Stream:
        """A stream of what `ask` gets of the link, without a reader yet; what nobody waits for makes way."""
        self.make_way()
        stream = Stream(origin, ask())
        self._streams.appendleft(stream)
        if len(self._streams) > NUM_STREAMS:
            self._streams.pop().stop()
        return stream

    def prime(self, ask: Callable[[], Generation]) -> None:
        """Have a prompt computed of which nobody needs the text, in the place of the last one."""
        self._stop_priming()
        self._priming = ask()

    def _stop_priming(self) -> None:
        if self._priming is not None:
            self._priming.cancel()
        self._priming = None

    def make_way(self) -> None:
        """Stop all that nobody waits for: somebody does for something else."""
        self._stop_priming()
        for stream in self._streams:
            if stream.is_unread:
                stream.stop()

    def moved(self, snapshot: Snapshot, offset: int) -> None:
        """A request has come for this place: stop what runs for the document and does not fit there."""
        for stream in self._unread(snapshot.uri):
            if stream.origin.reached(stream.text, snapshot, offset) is None:
                stream.stop()

    def changed(self, uri: str, snapshot: Snapshot | None) -> None:
        """The document is `snapshot` now, None: out of step; stop what runs for it and fits nowhere in it."""
        for stream in self._unread(uri):
            if snapshot is None or not stream.origin.may_lead_to(stream.text, snapshot):
                stream.stop()

    def forget(self, uri: str) -> None:
        """The document has been closed."""
        self._keep([stream for stream in self._streams if stream.origin.uri != uri])

    def clear(self) -> None:
        """Forget everything."""
        self._stop_priming()
        self._keep([])

    def _unread(self, uri: str) -> list[Stream]:
        return [stream for stream in self._streams if stream.is_unread and stream.origin.uri == uri]

    def _keep(self, streams: list[Stream]) -> None:
        for stream in set(self._streams).difference(streams):
            stream.stop()
        self._streams = deque(streams)
