"""A narrow beam: a few ways to go on with a line, kept until one of them is seen to be the likeliest.

The likeliest token is not always the beginning of the likeliest line: where tokens span words, a lone blank
gathers the probability of every word that might follow it. So hypotheses compete by the sum of their
log-probabilities (beam search, Graves 2012, arXiv 1211.3711), within one line of the answer: once no live one
can beat a line that has ended, that line stands, and the beam opens anew behind it. What all hypotheses agree
on can be shown at once. A beam of width 1 is greedy decoding, or sampling.

Sums favour what is short (arXiv 1609.08144, section 7), most of all no text at all. So a hypothesis may end
only where to end is its likeliest choice: on 250 held-out lines a beam of 3 left 14% of the answers empty
without that rule, and 4% with it, as greedy decoding does. And a line that says again what stands around the
cursor counts only if there is no other.
"""

from __future__ import annotations

from collections.abc import Sequence as Pieces
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Literal

from inference.copying import CopyContext
from inference.model import Logits, OutOfPagesError, Sequence
from inference.surroundings import Surroundings

MARGIN = 2.0
"""Nats. On 150 held-out lines, 2 found as many as no margin at all and took half of the extra passes."""

End = Literal["eot", "line", "length"]


@dataclass(frozen=True, slots=True)
class Ahead:
    """Known logits, (len(tokens) + 1, vocab_size): row i is what follows the first i `tokens`."""

    tokens: tuple[int, ...]
    logits: Logits

    def behind(self, token: int) -> Ahead | None:
        """What is known then."""
        return Ahead(self.tokens[1:], self.logits[1:]) if self.tokens[:1] == (token,) else None


@dataclass(frozen=True, slots=True)
class Spelled:
    """An answer of `length` bytes and the sum of its tokens' log-probabilities; `before` the last of them."""

    length: int
    logprob: float
    before: Spelled | None = None


@dataclass(slots=True, eq=False)
class Hypothesis:
    """One way to go on from the prompt.

    Invariant: a live one's `sequence` holds the beginning of `token_ids` and then of the tokens `ahead`, and
    no other live one has it; what `token_ids` has more is still to be computed. One that has ended holds its
    parent's, which may have moved on since.
    `context` is that of `answer`, if copies are looked for.
    """

    token_ids: list[int]
    sequence: Sequence
    required: bytes
    answer: bytes = b""
    logprob: float = 0.0
    num_generated: int = 0
    num_answer_tokens: int = 0
    end: End | None = None
    choices: list[tuple[int, float]] = field(default_factory=list)
    context: CopyContext | None = None
    ahead: Ahead | None = None
    spelled: Spelled = Spelled(0, 0.0)

    def is_ended_by(self, piece: bytes) -> bool:
        """Whether the token with these bytes ends the answer or a line of it."""
        return not piece or b"\n" in piece[len(self.required) :]

    def extended(self, token: int, piece: bytes, logprob: float) -> Hypothesis:
        """The same with one more token, whose bytes are `piece`; b"" ends it."""
        new = piece[len(self.required) :]
        end: End = "line" if piece else "eot"
        return Hypothesis(
            token_ids=[*self.token_ids, token] if piece else self.token_ids,
            sequence=self.sequence,
            required=self.required[len(piece) :],
            answer=self.answer + new,
            logprob=self.logprob + logprob,
            num_generated=self.num_generated + 1,
            num_answer_tokens=self.num_answer_tokens + bool(new),
            end=end if self.is_ended_by(piece) else None,
            context=self.context and self.context.grown(new),
            ahead=self.ahead and self.ahead.behind(token),
            spelled=Spelled(len(self.answer) + len(new), self.logprob + logprob, self.spelled),
        )

    def logprob_of(self, length: int) -> float:
        """Of the first `length` bytes of the answer: the sum up to the token that spells the last of them."""
        at = self.spelled
        while at.before is not None and at.before.length >= max(length, 1):
            at = at.before
        return at.logprob


class Beam:
    """The hypotheses of one answer, likeliest first.

    Args:
        first: the prompt, with nothing generated.
        width: how many live hypotheses there are at most.
        around: what stands around the cursor: a line that says it again loses against any other.
        margin: nats; a hypothesis this much less likely than the best is dropped.
        max_tokens: of an answer.
        max_length: of prompt and answer together.
    """

    __slots__ = (
        "_around",
        "_ended",
        "_margin",
        "_max_length",
        "_max_tokens",
        "_settled",
        "live",
        "others",
        "width",
    )

    def __init__(
        self,
        first: Hypothesis,
        width: int,
        *,
        max_tokens: int,
        max_length: int,
        around: Surroundings | None = None,
        margin: float = MARGIN,
    ) -> None:
        self.live = [first]
        self._around = around
        self._ended: Hypothesis | None = None  # the likeliest of those that have
        self._settled = False  # whether the answer's first line is found
        self.others: list[tuple[bytes, float]] = []
        """The answers that came to the end of the first line, and their log-probabilities: the one that
        won is among them."""
        self.width = width
        self._margin = margin
        self._max_tokens = max_tokens
        self._max_length = max_length

    @property
    def best(self) -> Hypothesis:
        return self.live[0]

    def pending(self) -> list[Hypothesis]:
        """The hypotheses whose choices are not known; none if `select` can go on."""
        return [one for one in self.live if not one.choices]

    def select(self, pieces: Pieces[bytes]) -> None:
        """Go on with the likeliest choices of all live hypotheses; `pieces` are the bytes of the tokens.

        If the answer is found then, `best` is it, and has an `end`.
        """
        grown = [
            (one.logprob + logprob, one, token, logprob)
            for one in self.live
            for rank, (token, logprob) in enumerate(one.choices)
            if rank == 0 or not one.is_ended_by(pieces[token])
        ]
        grown.sort(key=itemgetter(0), reverse=True)
        live: list[Hypothesis] = []
        repeating: list[Hypothesis] = []
        for _, parent, token, logprob in grown[: self.width]:
            hypothesis = parent.extended(token, pieces[token], logprob)
            if hypothesis.end is None and self._is_full(hypothesis):
                hypothesis.end = "length"
            if hypothesis.end is None:
                live.append(hypothesis)
                continue
            if not self._settled and hypothesis.end != "length":
                self.others.append((hypothesis.answer, hypothesis.logprob))
            if self._around is not None and self._around.repeated_by(hypothesis.answer):
                repeating.append(hypothesis)
            elif self._ended is None or hypothesis.logprob > self._ended.logprob:
                self._ended = hypothesis
        if not live and self._ended is None:
            self._ended = repeating[0]
        least = max(one.logprob for one in [*live, self._ended] if one is not None) - self._margin
        if self._ended is not None:
            least = max(least, self._ended.logprob)
        live = [one for one in live if one.logprob > least]
        if live:
            self.live = live
            self._part()
        else:
            assert self._ended is not None  # noqa: S101 - whatever did not end is live
            self._settle(self._ended)

    def _part(self) -> None:
        """Give every live hypothesis a sequence of its own. The parent's goes to the one whose tokens it has
        ahead, if there is one."""
        taken: set[int] = set()
        for hypothesis in sorted(self.live, key=lambda one: one.ahead is None):
            sequence, length = hypothesis.sequence, len(hypothesis.token_ids) - 1
            if id(sequence) in taken:
                hypothesis.sequence = _fork(sequence, length)
            elif hypothesis.ahead is None:
                sequence.truncate(min(length, sequence.length))
            taken.add(id(sequence))

    def _settle(self, hypothesis: Hypothesis) -> None:
        """Have `hypothesis` alone, and its parent's sequence as it was."""
        held = len(hypothesis.token_ids) - (hypothesis.end != "eot")
        hypothesis.sequence.truncate(min(held, hypothesis.sequence.length))
        if hypothesis.end == "line":
            hypothesis.end = "length" if self._is_full(hypothesis) else None
        self.live, self._ended, self._settled = [hypothesis], None, True

    def forget(self) -> None:
        """Give back all pages. What is live can go on, and is computed anew then."""
        for hypothesis in (*self.live, self._ended):
            if hypothesis is not None:
                hypothesis.sequence.truncate(0)

    def close(self) -> tuple[list[int], Sequence]:
        """The best's tokens as far as they are computed, and its sequence; all other pages are given back."""
        best = self.best
        best.sequence.truncate(min(len(best.token_ids), best.sequence.length))
        for hypothesis in (*self.live, self._ended):
            if hypothesis is not None and hypothesis.sequence is not best.sequence:
                hypothesis.sequence.truncate(0)
        return best.token_ids[: best.sequence.length], best.sequence

    @property
    def has_pages(self) -> bool:
        return any(one is not None and one.sequence.pages for one in (*self.live, self._ended))

    def agreed(self) -> bytes:
        """The bytes that the answer begins with, whichever hypothesis wins."""
        answers = [one.answer for one in (*self.live, self._ended) if one is not None]
        first, last = min(answers), max(answers)
        length = next((i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), len(first))
        return first[:length]

    def _is_full(self, hypothesis: Hypothesis) -> bool:
        return (
            hypothesis.num_answer_tokens >= self._max_tokens or len(hypothesis.token_ids) >= self._max_length
        )


def _fork(sequence: Sequence, length: int) -> Sequence:
    """The first `length` tokens as a sequence of its own; fewer, the rest to be computed anew, where so many
    are not there, or there is no memory for a copy."""
    try:
        return sequence.fork(min(length, sequence.length))
    except OutOfPagesError:
        return sequence.fork(0)
