"""The engine: step() takes the requests under way one forward pass further and says what came of it.

Life of a request: submit → (step) admit, superseding → render the prompt, borrow a sequence → prefill in
chunks → one token of each of its hypotheses a step, until an end token, a stop string, the limit or an
abort → give the best one's sequence back. A step computes chunks of prompts and tokens of answers together,
whosever they are (continuous batching, Orca, OSDI 2022; chunked prefill, arXiv 2308.16369).
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import replace

from inference.beam import Ahead, Hypothesis
from inference.card import Card
from inference.copying import Copies, CopySource
from inference.drafts import MAX_DRAFT, DraftSource, Worth
from inference.generation import Generation
from inference.healing import PieceIndex
from inference.messages import Odds, Snippet, Statistics
from inference.model import Logits, Model, ModelError, OutOfPagesError
from inference.prefix_tree import PrefixTree
from inference.prompt import PromptText, PromptWriter
from inference.request import (
    DoneEvent,
    ErrorEvent,
    Event,
    Request,
    RequestError,
    StopReason,
    TextEvent,
)
from inference.scheduler import Part, Scheduler, size_of
from inference.step_cost import StepCost
from inference.tokenizer import Tokenizer

MAX_REQUESTS = 64
MIN_KV_BYTES = 256 << 20
_log = logging.getLogger(__name__)


class Engine:
    """Serves many requests with one model.

    `submit`, `abort` and `has_work` may be called from any thread; `step` from one thread only.

    Args:
        prefill_chunk: tokens of prompts computed in one step at most; the scheduler may choose fewer.
        scheduler: decides what a step computes; left out, `Scheduler` with that chunk.
        kv_bytes: memory for keys and values, of requests under way and finished ones; left out, an eighth of
            what the weights take, at least 256 MiB: 77 prompts of 1,000 tokens for Qwen3-Coder-30B-A3B in
            bf16.
        drafts: where tokens come from that are computed ahead; used as far as the model computes the same
            bits then.
        check: look for lost pages whenever nothing is left to do, for tests.
        clock: seconds, monotonic.

    Raises:
        ModelError: model, tokenizer and card do not fit each other, or not even one request fits `kv_bytes`.
    """

    def __init__(
        self,
        model: Model,
        tokenizer: Tokenizer,
        card: Card,
        *,
        prefill_chunk: int = 512,
        scheduler: Scheduler | None = None,
        kv_bytes: int | None = None,
        drafts: DraftSource | None = None,
        check: bool = False,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        if tokenizer.vocab_size > model.vocab_size:
            raise ModelError(
                f"the tokenizer has {tokenizer.vocab_size} tokens, the model only {model.vocab_size}"
            )
        if wrong := [stop for stop in card.stop_ids if stop >= tokenizer.vocab_size]:
            raise ModelError(f"card: stop id {wrong[0]} is outside the vocabulary of {tokenizer.vocab_size}")
        self.model = model
        self.card = card
        self._index = PieceIndex(tokenizer, card.ends(tokenizer), model.vocab_size)
        self._copy_source = CopySource(tokenizer)
        self._writer = PromptWriter(card, tokenizer, model.context_length)
        if kv_bytes is None:
            kv_bytes = max(MIN_KV_BYTES, model.memory_bytes // 8)
        pool = model.new_pool(kv_bytes)
        longest = min(self._writer.max_prompt_tokens + card.max_new_tokens, model.context_length)
        if pool.num_pages * pool.page_tokens < longest:
            raise ModelError(f"kv_bytes: {kv_bytes} have no room for the {longest} tokens of one request")
        self._tree = PrefixTree(pool)
        self._check = check
        self._drafts = drafts if drafts is not None and model.max_exact_tokens > 1 else None
        self.worth = Worth()
        self._scheduler = Scheduler(StepCost(), prefill_chunk) if scheduler is None else scheduler
        self._clock = clock
        self._lock = threading.Lock()  # guards the three below
        self._submitted: list[Generation] = []
        self._aborted: list[tuple[int, StopReason]] = []
        self._keys: set[int] = set()

    @property
    def calibration(self) -> tuple[Odds, ...]:
        """How often lines of a probability are right, if the card tells."""
        return tuple(Odds(*pair) for pair in self.card.calibration)

    @property
    def has_work(self) -> bool:
        with self._lock:
            return bool(self._keys)

    def submit(self, request: Request) -> None:
        """Take a request in; the next step sees it.

        Raises:
            RequestError: a field is out of range, the key is in use, or too many requests are under way.
        """
        request.check()
        generation = Generation.of(request, self._clock())
        with self._lock:
            if request.key in self._keys:
                raise RequestError("invalid", f"request {request.key} is already under way")
            if len(self._keys) >= MAX_REQUESTS:
                raise RequestError("overloaded", f"{MAX_REQUESTS} requests are already under way")
            self._keys.add(request.key)
            self._submitted.append(generation)

    def abort(self, key: int, reason: StopReason = "aborted") -> None:
        """End a request before the next step; one that has ended already is no error."""
        with self._lock:
            if key in self._keys:
                self._aborted.append((key, reason))

    def step(self) -> list[Event]:
        """One forward pass of those under way; [] when there is nothing to do or nothing to tell yet."""
        events = self._admit()
        waiting = self._scheduler.waiting()
        if waiting is not None:
            try:
                self._begin(waiting)
            except Exception as error:
                events.append(self._fail(waiting, error))
        started = self._clock()
        if batch := [self._drafted(part) for part in self._scheduler.plan(started)]:
            size = size_of(batch)
            events += self._compute(batch)
            self._scheduler.cost.observe(size, 1e3 * (self._clock() - started))
            del batch  # its hypotheses have pages
        if self._check and not len(self._scheduler):
            self._tree.check()
        return events

    def _admit(self) -> list[Event]:
        with self._lock:
            submitted, self._submitted = self._submitted, []
            aborted, self._aborted = self._aborted, []
        events: list[Event] = []
        for generation in submitted:
            older = self._scheduler.of_document(generation.request.document)
            if older is not None:
                events.append(self._finish(older, "superseded"))
            self._scheduler.admit(generation)
        events += self._make_way()
        for key, reason in aborted:
            ended = self._scheduler.find(key)
            if ended is not None:
                events.append(self._finish(ended, reason))
        return events

    def _make_way(self) -> list[Event]:
        """End what only primes if there is any other request, or a newer one of the kind."""
        priming = [each for each in self._scheduler if each.request.only_primes]
        spared = priming[:1] if len(priming) == len(self._scheduler) else []
        return [self._finish(each, "superseded") for each in priming if each not in spared]

    def _compute(self, batch: list[Part]) -> list[Event]:
        """The batch in one pass, and what its requests say then."""
        batch = [part for part in batch if part.is_next]
        while batch:
            try:
                return self._tell(batch, self.model.forward([part.chunk for part in batch]))
            except OutOfPagesError as error:
                if any(part.draft for part in batch):
                    batch = [replace(part, draft=()) for part in batch]
                    continue
                if self._tree.evict():
                    continue
                newest = next(each for each in self._scheduler if each in _generations(batch))
                victim = self._oldest_but(newest)
                if victim is None:
                    refusal = RequestError("overloaded", f"no memory for so long a request: {error}")
                    return [self._fail(newest, refusal)]
                victim.forget()
                batch = [part for part in batch if part.is_next]
            except Exception as error:
                whose = _generations(batch)
                if len(whose) == 1:
                    return [self._fail(whose[0], error)]
                # Who is to blame shows when each is alone: a pass that fails changes no sequence.
                shares = [[part for part in batch if part.generation is one] for one in whose]
                return [event for share in shares for event in self._compute(share)]
        return []

    def _drafted(self, part: Part) -> Part:
        """The same with a draft, where the beam is one hypothesis wide and a draft is worth it."""
        beam = part.generation.beam
        if self._drafts is None or beam is None or not part.is_last or len(beam.live) > 1:
            return part
        if part.generation.request.only_primes:
            return part
        room = min(
            MAX_DRAFT,
            self.model.max_exact_tokens - (part.end - part.start),
            self.model.context_length - part.end,
        )
        if room < 1 or not self.worth.try_one(self._scheduler.cost):
            return part
        return replace(part, draft=tuple(self._drafts.propose(part.hypothesis, room)))

    def _oldest_but(self, newest: Generation) -> Generation | None:
        """The oldest other request that has pages to give."""
        others = [each for each in self._scheduler if each is not newest and each.has_pages]
        return others[-1] if others else None

    def _tell(self, batch: list[Part], logits: list[Logits]) -> list[Event]:
        now = self._clock()
        events: list[Event] = []
        for generation in _generations(batch):
            num_known = 0
            for part, rows in zip(batch, logits, strict=True):
                if part.generation is generation and part.is_last:
                    part.hypothesis.ahead = Ahead(part.draft, rows)
                    num_known += 1
            try:
                if num_known:
                    events += self._take(generation, num_known, now)
            except Exception as error:
                events.append(self._fail(generation, error))
        return events

    def _take(self, generation: Generation, num_known: int, now: float) -> list[Event]:
        """Go on with one request as far as logits are known: those of `num_known` hypotheses, and ahead."""
        beam = generation.beam
        assert beam is not None  # noqa: S101 - what is in a batch has begun
        if generation.timing.prefilled is None:
            generation.timing.prefilled = now
        if generation.request.only_primes:
            return [self._finish(generation, "length")]
        proposed = sum(len(one.ahead.tokens) for one in beam.pending() if one.ahead)
        events: list[Event] = []
        taken = chosen = 0
        while generation.stop_reason is None:
            pending = beam.pending()
            ready = [one for one in pending if one.ahead]
            if not ready:
                break
            for hypothesis in ready:
                assert hypothesis.ahead is not None  # noqa: S101 - as above
                copies = self._copies(hypothesis)
                text = generation.take(beam, hypothesis, hypothesis.ahead.logits[0], copies, self._index)
                if text:
                    if generation.timing.first_text is None:
                        generation.timing.first_text = now
                    events.append(TextEvent(generation.request.key, text, generation.logprob))
            taken += len(ready)
            chosen += len(ready) == len(pending)  # then the beam has gone on
        self.worth.drafted(proposed, taken - num_known, max(0, chosen - 1))
        if generation.stop_reason is not None:
            events.append(self._finish(generation, generation.stop_reason))
        return events

    def _fail(self, generation: Generation, error: Exception) -> ErrorEvent:
        """One bad request must not end the others."""
        key = generation.request.key
        self._retire(generation, keep=False)
        match error:
            case RequestError():
                return ErrorEvent(key, error.code, str(error))
            case ModelError():
                _log.error("request %d: %s", key, error)
                return ErrorEvent(key, "model", str(error))
        _log.error("request %d", key, exc_info=error)
        return ErrorEvent(key, "internal", f"{type(error).__name__}: {error}"[:4000])

    def _begin(self, generation: Generation) -> None:
        generation.timing.started = self._clock()
        request = generation.request
        prompt = self._writer.write(request.prompt)
        text = request.prompt
        looks_back = self.card.copy_weights or self._drafts is not None
        generation.begin(
            prompt,
            self._tree.lend(request.salt, prompt.token_ids),
            self._copy_source.around(text.prefix, text.suffix) if looks_back else None,
            width=self.card.beam_width,
            max_tokens=min(request.max_tokens, self.card.max_new_tokens),
            max_length=self.model.context_length,
        )

    def _copies(self, hypothesis: Hypothesis) -> Copies | None:
        if hypothesis.context is None or not self.card.copy_weights:
            return None
        found = hypothesis.context.continuation(hypothesis.required)
        if found is None:
            return None
        return Copies.of(found, self.card.copy_weights, self.card.stop_ids[0], self._index.pieces)

    def _finish(self, generation: Generation, reason: StopReason) -> DoneEvent:
        self._retire(generation, keep=True)
        statistics = generation.statistics(self._clock())
        return DoneEvent(generation.request.key, reason, statistics, generation.alternatives())

    def _retire(self, generation: Generation, *, keep: bool) -> None:
        self._scheduler.remove(generation)
        if keep and generation.beam is not None:
            request = generation.request
            if self._drafts is not None and generation.context is not None:
                self._drafts.learn(generation.context.tail, generation.beam.best.answer)
            self._tree.give_back(request.salt, *generation.beam.close(), document=request.document)
        else:
            generation.forget()
        with self._lock:
            self._keys.discard(generation.request.key)


def _generations(batch: list[Part]) -> list[Generation]:
    """Whose the parts are, in their order."""
    return list(dict.fromkeys(part.generation for part in batch))


__all__ = [
    "DoneEvent",
    "Engine",
    "ErrorEvent",
    "Event",
    "PromptText",
    "Request",
    "RequestError",
    "Snippet",
    "Statistics",
    "StopReason",
    "TextEvent",
]
