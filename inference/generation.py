"""One request under way: what it still has to prefill, what it has generated, and when."""

from __future__ import annotations

from dataclasses import dataclass, field

from inference.copying import CopySource
from inference.healing import PieceIndex
from inference.messages import Statistics
from inference.model import Logits, Sequence
from inference.prompt import Prompt
from inference.request import Request, StopReason
from inference.sampler import Sampler
from inference.stop import StopScanner
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
    """The state of one request. `begin` gives it its prompt; until then `sequence` is None.

    Invariant: `sequence` holds `token_ids[:sequence.length]`; what follows is still to be computed.
    """

    request: Request
    timing: Timing
    sampler: Sampler
    stops: StopScanner
    detokenizer: Detokenizer = field(default_factory=Detokenizer)
    copy_source: CopySource | None = None
    sequence: Sequence | None = None
    token_ids: list[int] = field(default_factory=list)
    required: bytes = b""
    indented: bool = False
    answer: bytes = b""
    max_tokens: int = 0
    max_length: int = 0
    prompt_tokens: int = 0
    cached_tokens: int = 0
    num_generated: int = 0
    num_answer_tokens: int = 0
    logprob: float = 0.0
    stop_reason: StopReason | None = None

    @classmethod
    def of(cls, request: Request, now: float) -> Generation:
        return cls(
            request,
            Timing(now),
            Sampler(request.temperature, request.top_p, request.seed),
            StopScanner(request.stop),
        )

    def begin(self, prompt: Prompt, sequence: Sequence, *, max_tokens: int, max_length: int) -> None:
        """Take the prompt and a sequence that already holds some of it; end after `max_tokens` of answer, or
        when prompt and answer together have `max_length` tokens."""
        self.token_ids, self.sequence = list(prompt.token_ids), sequence
        self.required, self.indented = prompt.required, prompt.indented
        self.max_tokens, self.max_length = max_tokens, max_length
        self.prompt_tokens, self.cached_tokens = len(prompt.token_ids), sequence.length

    def take(self, logits: Logits, index: PieceIndex) -> str:
        """Draw the next token; return the text that it lets out, and set `stop_reason` if it is the last.

        The tokens that reproduce `required` are neither shown, nor searched for stop strings, nor counted
        against `max_tokens`.
        """
        token, logprob = self.sampler.draw(logits, index.agreeing(self.required, self.indented))
        self.num_generated += 1
        self.logprob += logprob
        piece = index.pieces[token]
        if not piece:
            self.stop_reason = "eot"
            return self.stops.flush()
        self.token_ids.append(token)
        new = piece[len(self.required) :]
        self.required = self.required[len(piece) :]
        self.answer += new
        self.num_answer_tokens += bool(new)
        text = self.stops.feed(self.detokenizer.feed(new))
        if self.stops.stopped:
            self.stop_reason = "stop"
        elif self.num_answer_tokens >= self.max_tokens or len(self.token_ids) >= self.max_length:
            self.stop_reason = "length"
            text += self.stops.flush()
        return text

    def statistics(self, now: float) -> Statistics:
        """What it cost up to `now`; stages it never reached count as ending now."""
        timing = self.timing
        started = now if timing.started is None else timing.started
        prefilled = now if timing.prefilled is None else timing.prefilled
        first_text = now if timing.first_text is None else timing.first_text
        return Statistics(
            prompt_tokens=self.prompt_tokens,
            cached_tokens=self.cached_tokens,
            generated_tokens=self.num_generated,
            queue_ms=1e3 * (started - timing.submitted),
            prefill_ms=1e3 * (prefilled - started),
            ttft_ms=1e3 * (first_text - timing.submitted),
            total_ms=1e3 * (now - timing.submitted),
            logprob=self.logprob,
        )
