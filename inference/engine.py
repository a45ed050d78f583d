"""The engine: step() takes one request one forward pass further and says what came of it.

Life of a request: submit → (step) admit, superseding → render the prompt, borrow a sequence → prefill in
chunks → one token of one hypothesis a step, until an end token, a stop string, the limit or an abort → give
the best one's sequence back.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from inference.beam import Beam, Hypothesis
from inference.card import Card
from inference.copying import CopySource, mixed
from inference.generation import Generation
from inference.healing import PieceIndex
from inference.kv_cache import KvStore
from inference.messages import Snippet, Statistics
from inference.model import Logits, Model, ModelError
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
from inference.scheduler import Scheduler
from inference.tokenizer import Tokenizer

MAX_REQUESTS = 64
MIN_KV_BYTES = 256 << 20
_log = logging.getLogger(__name__)


class Engine:
    """Serves many requests with one model.

    `submit`, `abort` and `has_work` may be called from any thread; `step` from one thread only.

    Args:
        prefill_chunk: tokens of a prompt computed in one step; an abort waits for at most one.
        kv_bytes: memory for the sequences of finished requests; left out, an eighth of what the weights take,
            at least 256 MiB: 77 prompts of 1,000 tokens for Qwen3-Coder-30B-A3B in bf16.
        clock: seconds, monotonic.

    Raises:
        ModelError: model, tokenizer and card do not fit each other.
    """

    def __init__(
        self,
        model: Model,
        tokenizer: Tokenizer,
        card: Card,
        *,
        prefill_chunk: int = 128,
        kv_bytes: int | None = None,
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
        self._index = PieceIndex(tokenizer, card.ends(tokenizer))
        self._tokenizer = tokenizer
        self._writer = PromptWriter(card, tokenizer, model.context_length)
        self._store = KvStore(
            model, max(MIN_KV_BYTES, model.memory_bytes // 8) if kv_bytes is None else kv_bytes
        )
        self._scheduler = Scheduler()
        self._prefill_chunk = prefill_chunk
        self._clock = clock
        self._lock = threading.Lock()  # guards the three below
        self._submitted: list[Generation] = []
        self._aborted: list[tuple[int, StopReason]] = []
        self._keys: set[int] = set()

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
        """One forward pass of one request; [] when there is nothing to do or nothing to tell yet."""
        events = self._admit()
        generation = self._scheduler.next()
        if generation is None:
            return events
        try:
            return events + self._advance(generation)
        except RequestError as error:
            failure = ErrorEvent(generation.request.key, error.code, str(error))
        except ModelError as error:
            _log.error("request %d: %s", generation.request.key, error)
            failure = ErrorEvent(generation.request.key, "model", str(error))
        except Exception as error:  # one bad request must not end the others
            _log.exception("request %d", generation.request.key)
            failure = ErrorEvent(
                generation.request.key, "internal", f"{type(error).__name__}: {error}"[:4000]
            )
        self._retire(generation, keep=False)
        return [*events, failure]

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
        for key, reason in aborted:
            ended = self._scheduler.find(key)
            if ended is not None:
                events.append(self._finish(ended, reason))
        return events

    def _advance(self, generation: Generation) -> list[Event]:
        beam = generation.beam or self._begin(generation)
        hypothesis = beam.pending()
        assert hypothesis is not None  # noqa: S101 - else the last step would have gone on
        start = hypothesis.sequence.length
        chunk = hypothesis.token_ids[start : start + self._prefill_chunk]
        logits = self.model.forward(hypothesis.sequence, chunk)
        if hypothesis.sequence.length < len(hypothesis.token_ids):
            return []
        now = self._clock()
        if generation.timing.prefilled is None:
            generation.timing.prefilled = now
        logits = self._with_copies(generation.copy_source, hypothesis, logits)
        text = generation.take(beam, hypothesis, logits, self._index)
        events: list[Event] = []
        if text:
            if generation.timing.first_text is None:
                generation.timing.first_text = now
            events.append(TextEvent(generation.request.key, text))
        if generation.stop_reason is not None:
            events.append(self._finish(generation, generation.stop_reason))
        return events

    def _begin(self, generation: Generation) -> Beam:
        generation.timing.started = self._clock()
        request = generation.request
        prompt = self._writer.write(request.prompt)
        if self.card.copy_weights:
            text = request.prompt
            generation.copy_source = CopySource(text.prefix, text.suffix, self._tokenizer)
        return generation.begin(
            prompt,
            self._store.lend(request.salt, prompt.token_ids),
            width=self.card.beam_width,
            max_tokens=min(request.max_tokens, self.card.max_new_tokens),
            max_length=self.model.context_length,
        )

    def _with_copies(self, source: CopySource | None, hypothesis: Hypothesis, logits: Logits) -> Logits:
        if source is None:
            return logits
        found = source.after(hypothesis.answer, hypothesis.required)
        if found is None:
            return logits
        return mixed(logits, found, self.card.copy_weights, self.card.stop_ids[0], self._index.pieces)

    def _finish(self, generation: Generation, reason: StopReason) -> DoneEvent:
        self._retire(generation, keep=True)
        statistics = generation.statistics(self._clock())
        return DoneEvent(generation.request.key, reason, statistics, generation.alternatives())

    def _retire(self, generation: Generation, *, keep: bool) -> None:
        self._scheduler.remove(generation)
        if keep and generation.beam is not None:
            best = generation.beam.best
            token_ids = best.token_ids[: best.sequence.length]
            self._store.give_back(generation.request.salt, token_ids, best.sequence)
        with self._lock:
            self._keys.discard(generation.request.key)


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
