"""One request under way: what it still has to prefill, what it has generated, and when."""

from __future__ import annotations

from dataclasses import dataclass, field
from operator import itemgetter

from inference.beam import Beam, Hypothesis
from inference.copying import Copies, CopyContext
from inference.healing import PieceIndex
from inference.messages import MAX_ALTERNATIVES, Alternative, Statistics
from inference.model import Logits, Sequence
from inference.prompt import Prompt
from inference.request import Request, StopReason
from inference.sampler import Sampler
from inference.stop import StopScanner
from inference.surroundings import Surroundings
from inference.tokenizer import Detokenizer


@dataclass(slots=True)
class Timing:
    """Seconds on the engine's clock. `submitted` is filled by the engine, `started` by the first step,
    `prefilled` by the step that computes the first token, `first_text` by the first text that leaves."""

    submitted: float
    started: float | None = None
    prefilled: float | None = None
    first_text: float | None = None


@dataclass(slots=True, eq=False)
class Generation:
    """The state of one request. `begin` gives it its prompt; until then `beam` is None."""

    request: Request
    timing: Timing
    sampler: Sampler
    stops: StopScanner
    detokenizer: Detokenizer = field(default_factory=Detokenizer)
    beam: Beam | None = None
    indented: bool = False
    prompt_tokens: int = 0
    cached_tokens: int = 0
    shown: int = 0
    logprob: float = 0.0
    """Of the text that was let out."""
    stop_reason: StopReason | None = None
    context: CopyContext | None = None
    _num_let_out: int = 0

    @classmethod
    def of(cls, request: Request, now: float) -> Generation:
        return cls(
            request,
            Timing(now),
            Sampler(request.temperature, request.top_p, request.seed),
            StopScanner(request.stop),
        )

    def begin(
        self,
        prompt: Prompt,
        sequence: Sequence,
        context: CopyContext | None = None,
        *,
        width: int,
        max_tokens: int,
        max_length: int,
    ) -> Beam:
        """Take the prompt, a sequence that already holds some of it, and the cursor's context if copies are
        looked for; end after `max_tokens` of answer, or when prompt and answer together have `max_length`
        tokens. A sampled answer has a beam of width 1."""
        width = width if self.request.temperature <= 0 else 1
        self.indented = prompt.indented
        self.prompt_tokens, self.cached_tokens = len(prompt.token_ids), sequence.length
        self.context = context
        first = Hypothesis(list(prompt.token_ids), sequence, prompt.required, context=context)
        text = self.request.prompt
        self.beam = Beam(
            first,
            width,
            max_tokens=max_tokens,
            max_length=max_length,
            around=Surroundings(text.prefix, text.suffix),
        )
        return self.beam

    def take(
        self, beam: Beam, hypothesis: Hypothesis, logits: Logits, copies: Copies | None, index: PieceIndex
    ) -> str:
        """Go on with one hypothesis of `beam`; return the text that this lets out, set `logprob` to that of
        all text so far, and `stop_reason` at the end.

        The tokens that reproduce the required text are neither shown, nor searched for stop strings, nor
        counted against `max_tokens`.
        """
        allowed = index.agreeing(hypothesis.required, self.indented) if hypothesis.required else None
        hypothesis.choices = self.sampler.draw(
            logits, allowed, beam.width, forbidden=index.forbidden, copies=copies
        )
        if beam.pending():
            return ""
        beam.select(index.pieces)
        agreed = beam.agreed()
        text = self.stops.feed(self.detokenizer.feed(agreed[self.shown :]))
        self.shown = len(agreed)
        if self.stops.stopped:
            self.stop_reason = "stop"
        elif beam.best.end is not None:
            self.stop_reason = "length" if beam.best.end == "length" else "eot"
            text += self.stops.flush()
        if text:
            # In bytes, as the hypothesis counts; U+FFFD in the place of a broken character may be longer.
            self._num_let_out += len(text.encode())
            self.logprob = beam.best.logprob_of(min(self._num_let_out, len(beam.best.answer)))
        return text

    @property
    def deadline(self) -> float:
        """When its first token should be there, in seconds on the engine's clock."""
        return self.timing.submitted + self.request.deadline_ms / 1e3

    @property
    def has_pages(self) -> bool:
        return self.beam is not None and self.beam.has_pages

    def forget(self) -> None:
        """Give back all pages; what was computed is computed anew if it goes on."""
        if self.beam is not None:
            self.beam.forget()

    def alternatives(self) -> tuple[Alternative, ...]:
        """Other first lines of the answer, likeliest first; none that says the same or nothing."""
        if self.beam is None or not self.beam.others:
            return ()
        texts: dict[str, float] = {}
        for answer, logprob in sorted(self.beam.others, key=itemgetter(1), reverse=True):
            line = _first_line(answer)
            text = StopScanner(self.request.stop).feed(line) if self.request.stop else line
            texts.setdefault(text[:4096], logprob)
        given = _first_line(self.beam.best.answer)
        kept = [
            Alternative(text, logprob) for text, logprob in texts.items() if text.strip() and text != given
        ]
        return tuple(kept[:MAX_ALTERNATIVES])

    def statistics(self, now: float) -> Statistics:
        """What it cost up to `now`; stages it never reached count as ending now."""
        timing, best = self.timing, self.beam and self.beam.best
        started = now if timing.started is None else timing.started
        prefilled = now if timing.prefilled is None else timing.prefilled
        first_text = now if timing.first_text is None else timing.first_text
        return Statistics(
            prompt_tokens=self.prompt_tokens,
            cached_tokens=self.cached_tokens,
            generated_tokens=best.num_generated if best else 0,
            queue_ms=1e3 * (started - timing.submitted),
            prefill_ms=1e3 * (prefilled - started),
            ttft_ms=1e3 * (first_text - timing.submitted),
            total_ms=1e3 * (now - timing.submitted),
            logprob=best.logprob if best else 0.0,
        )


def _first_line(answer: bytes) -> str:
    return answer.split(b"\n", 1)[0].decode("utf-8", "replace").rstrip("\r")
