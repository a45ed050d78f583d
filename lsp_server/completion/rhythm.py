"""How fast the user types, how fast text comes, and how long it is best to wait before asking."""

from __future__ import annotations

import math
from collections.abc import Sequence

from lsp_server.document import Change

MOST_S = 0.4
"""However slow the engine is: who stops for longer than that is waiting."""

_FIRST_GAP_S = 0.2  # 60 words a minute
_GAPS_S = (0.02, 1.5)  # what is shorter was not typed, what is longer was no typing
_SHARE = 0.1  # of the newest gap
_LATENCY_SHARE = 0.2


class Rhythm:
    """Learned from keystrokes and answers, for all documents together.

    Where text comes before the next key is expected, there is nothing to wait for. Where it does not, a
    request made at once is in vain as long as the user types on, and burns the processor that the next one
    needs: the slower the engine, the nearer to a whole gap it pays to wait, and no longer.
    """

    def __init__(self) -> None:
        self._log_gap = math.log(_FIRST_GAP_S)
        self._latency_s = 0.0
        self._last: tuple[str, float] | None = None

    @property
    def gap_s(self) -> float:
        """The typical time between two keys: the geometric mean of late."""
        return math.exp(self._log_gap)

    @property
    def latency_s(self) -> float:
        """From asking to text; 0 until it is known."""
        return self._latency_s

    def typed(self, uri: str, changes: Sequence[Change], now_s: float) -> None:
        """A document has changed; only single characters are keys."""
        last, self._last = self._last, None
        if len(changes) != 1 or len(changes[0].text) != 1:
            return
        if changes[0].start is None or changes[0].start != changes[0].end:
            return
        self._last = (uri, now_s)
        if last is not None and last[0] == uri and _GAPS_S[0] <= now_s - last[1] <= _GAPS_S[1]:
            self._log_gap += _SHARE * (math.log(now_s - last[1]) - self._log_gap)

    def heard(self, waited_s: float) -> None:
        """The model was asked, and enough of its text was there after so long."""
        self._latency_s += (_LATENCY_SHARE if self._latency_s else 1.0) * (waited_s - self._latency_s)

    def gave_up(self, waited_s: float) -> None:
        """The user did not wait for longer, and there was no text yet."""
        if waited_s > self._latency_s:
            self.heard(waited_s)

    def delay_s(self, stretch: float = 1.0) -> float:
        """How long to wait for another key before the model is asked."""
        if self._latency_s <= self.gap_s:
            return 0.0
        return min(stretch * self.gap_s * (1 - self.gap_s / self._latency_s), MOST_S)
