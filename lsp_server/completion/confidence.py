"""How much of a text is likely enough to be shown."""

from __future__ import annotations

import math
import re
from bisect import bisect_right
from collections.abc import Callable, Sequence

from inference.messages import Odds
from lsp_server.completion.eagerness import Eagerness
from lsp_server.syntax.scan import Kind, scan
from lsp_server.syntax.site import Site

Logprob = Callable[[int, int], float]
"""The logarithmic probability of the characters [start, end) of a generated text, given those before."""


def share_right(calibration: Sequence[Odds], probability: float) -> float:
    """How often lines as probable are right: linear between the points, constant beyond them, and the
    probability itself where nothing was measured."""
    if not calibration:
        return probability
    at = bisect_right(calibration, probability, key=lambda odds: odds.probability)
    if at == 0:
        return calibration[0].right
    if at == len(calibration):
        return calibration[-1].right
    low, high = calibration[at - 1], calibration[at]
    share = (probability - low.probability) / (high.probability - low.probability)
    return low.right + share * (high.right - low.right)


class Confidence:
    """Weighs a completion line by line.

    A line of a small model's block is right one time in ten, so that the whole block hardly ever is: each
    line is held against the odds given those above it. Where one falls below, the text ends, before it or
    before the brackets that are open there.
    """

    def __init__(self, site: Site, level: Eagerness, calibration: Sequence[Odds]) -> None:
        self._site = site
        self._level = level
        self._calibration = calibration

    def shows(self, logprob: float) -> bool:
        """Whether a first line of this probability is likely enough."""
        return share_right(self._calibration, _probability(logprob)) >= self._level.line

    def num_lines(self, text: str, generated: str, logprob: Logprob, ended: bool = True) -> int | None:
        r"""How many lines of `text` are likely enough, if not all are; None if they are.

        `text` is what trimming leaves of `generated`, whose line ends are \n. Where it has not `ended`, the
        last line is yet to come and says nothing.
        """
        lead = 0 if generated.startswith(text) else len(generated) - len(generated.lstrip(" "))
        if not ended and generated.startswith("\n", lead + len(text)):
            text += "\n"  # which trimming holds back until it is known what comes behind it
        ends = [match.end() for match in re.finditer("\n", text)]
        if ended and len(text) > max(ends, default=0):
            ends.append(len(text))
        begin, need = 0, self._level.line
        for end in ends:
            # That the line ends there is part of what it says.
            stop = lead + end + generated.startswith("\n", lead + end)
            if share_right(self._calibration, _probability(logprob(lead + begin, stop))) < need:
                return text.count("\n", 0, self._last_whole_end(text[:begin]))
            begin, need = end, self._level.further
        return None

    def _last_whole_end(self, text: str) -> int:
        """Behind the last line end at which nothing is open that the text has opened."""
        before, found = self._site.state, 0
        for event in scan(self._site.lexicon, text, 0, len(text), before):
            if event.kind is Kind.NEWLINE and len(event.after.stack) <= len(before.stack):
                found = event.end if event.after.inside in (None, before.inside) else found
        return found


def _probability(logprob: float) -> float:
    return math.exp(min(logprob, 0.0))
