"""Drafts: tokens computed on the chance that the answer goes through them, several in one pass.

A source proposes tokens; one pass computes the logits behind each of them, and those behind a path that the
answer really takes need no pass of their own (speculative decoding, arXiv 2211.17192; prompt lookup, as its
draft a copy). Tokens are chosen from logits as they always are, and a model that is asked for drafts computes
the same bits whichever way tokens are divided among passes: so the answer is the same to the bit.

A step costs a fixed part and one for each token (`step_cost.py`). When of late p tokens were proposed, u of
them used and s steps saved, drafts have gained s times the one less p - u times the other. While that is
negative only every 32nd chance is taken, to notice when it changes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence as Ids
from typing import Protocol

from inference.beam import Hypothesis
from inference.model import Chunk, Model, Sequence
from inference.step_cost import StepCost, StepSize
from inference.tokenizer import Tokenizer
from kernels.text import index

MAX_DRAFT = 10
"""Tokens."""

MIN_MATCH = 16
"""Bytes that must have occurred for their continuation to be a draft."""

_EVERY = 32
_TRIED = 8  # drafts before their worth is judged
_FORGET = 0.95
_REACH = 48
_MAX_RECENT = 1 << 14  # bytes


class DraftSource(Protocol):
    """Proposes what may come next. Whatever it proposes, the answer is the same."""

    def propose(self, hypothesis: Hypothesis, count: int) -> Ids[int]:
        """At most `count` tokens that may follow `hypothesis.token_ids`."""
        ...

    def learn(self, before: bytes, answer: bytes) -> None:
        """Take note of an answer, and of the end of the text before its cursor."""
        ...


class CopyDrafts:
    """What followed in the texts around the cursor, or in an earlier answer: while somebody types what was
    shown, the rest of it is the next answer."""

    __slots__ = ("_recent", "_tokenizer")

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._recent = index(b"", b"")

    def propose(self, hypothesis: Hypothesis, count: int) -> Ids[int]:
        context = hypothesis.context
        if context is None:
            return ()
        length, _ = context.occurrences.following()
        match = self._recent.match(context.tail)
        if max(length, match.length) < MIN_MATCH:
            return ()
        if match.length >= length:
            text, whole = self._recent.continuations(match, _REACH)[0].split(b"\0")[0], True
        else:
            found = context.occurrences.continuations()
            likeliest = Counter(text[:8] for text in found).most_common(1)[0][0]
            text, whole = next(text for text in found if text.startswith(likeliest)), False
        # Behind a line end the beam opens anew; and the last token may be cut off where the text is.
        line = text.split(b"\n")[0]
        ids = self._tokenizer.encode((hypothesis.required + line).decode("utf-8", "ignore"))
        return ids[: count if whole or line != text else min(count, len(ids) - 1)]

    def learn(self, before: bytes, answer: bytes) -> None:
        if not answer:
            return
        if self._recent.size > _MAX_RECENT:
            self._recent = index(b"", b"")
        self._recent.extend(before + answer.replace(b"\0", b" ") + b"\0")


class ModelDrafts:
    """What a smaller model of the same tokens would say. It keeps the last sequence it was asked about."""

    __slots__ = ("_held", "_model", "_sequence")

    def __init__(self, model: Model) -> None:
        self._model = model
        self._sequence: Sequence = model.new_sequence()
        self._held: list[int] = []

    def propose(self, hypothesis: Hypothesis, count: int) -> Ids[int]:
        wanted = list(hypothesis.token_ids)
        if len(wanted) + count > self._model.context_length:
            return ()
        shared = next(
            (i for i, (a, b) in enumerate(zip(self._held, wanted, strict=False)) if a != b),
            min(len(self._held), len(wanted) - 1),
        )
        shared = min(shared, len(wanted) - 1)
        self._sequence.truncate(shared)
        waiting, proposed = wanted[shared:], list[int]()
        while len(proposed) < count:
            logits = self._model.forward([Chunk(self._sequence, waiting)])[0][-1]
            waiting = [int(logits.argmax())]
            proposed += waiting
        self._held = [*wanted, *proposed[:-1]]
        return proposed

    def learn(self, before: bytes, answer: bytes) -> None:
        pass


class Worth:
    """Whether drafts pay, from what they brought of late."""

    __slots__ = ("_chances", "_drafts", "proposed", "saved", "used")

    def __init__(self) -> None:
        self._drafts = self._chances = 0
        self.proposed = self.used = self.saved = 0.0

    def drafted(self, proposed: int, used: int, saved: int) -> None:
        """Of `proposed` tokens, none if no draft was made, so many were used and so many steps saved."""
        if proposed:
            self._drafts += 1
            of_late = (_FORGET * old for old in (self.proposed, self.used, self.saved))
            self.proposed, self.used, self.saved = of_late
        self.proposed += proposed
        self.used += used
        self.saved += saved

    def gain_ms(self, cost: StepCost) -> float:
        """What the last drafts saved."""
        fixed = cost.milliseconds(StepSize())
        each = cost.milliseconds(StepSize(answer_tokens=1)) - fixed
        return self.saved * fixed - (self.proposed - self.used) * each

    def try_one(self, cost: StepCost) -> bool:
        """Whether to take this chance of a draft."""
        if self._drafts < _TRIED or self.gain_ms(cost) >= 0:
            return True
        self._chances += 1
        return self._chances % _EVERY == 0
