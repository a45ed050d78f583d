"""What goes into the engine and what comes out of it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from inference.messages import Alternative, Statistics
from inference.prompt import PromptText

StopReason = Literal["eot", "stop", "length", "aborted", "superseded"]
ErrorCode = Literal["invalid", "model", "overloaded", "internal"]


DEADLINE_MS = 100.0
"""What comes within a tenth of a second seems to come at once (Miller 1968; Card et al. 1991)."""


class RequestError(Exception):
    """A request that is refused. `code` is the channel's."""

    def __init__(self, code: ErrorCode, message: str) -> None:
        super().__init__(message)
        self.code: ErrorCode = code


@dataclass(frozen=True, slots=True)
class Request:
    """One gap to fill.

    `key` is the caller's and unique among the requests under way; a newer request of the same non-empty
    `document` supersedes an older one; sequences are shared only within one `salt`. `max_tokens` counts
    tokens of the answer and is lowered to what the card and the context allow; 0 has the prompt computed and
    nothing else, as long as there is no other request. Temperature 0 is greedy.
    `deadline_ms` after it was submitted its first token should be there.
    """

    key: int
    document: str
    prompt: PromptText
    max_tokens: int = 64
    stop: tuple[str, ...] = ()
    temperature: float = 0.0
    top_p: float = 1.0
    seed: int = 0
    salt: str = ""
    deadline_ms: float = DEADLINE_MS

    @property
    def only_primes(self) -> bool:
        """Whether nobody waits for it."""
        return self.max_tokens == 0

    def check(self) -> None:
        """Raises RequestError("invalid") naming the field that is out of range."""
        length = len(self.prompt.prefix)
        for extent in self.prompt.outline:
            if not 0 <= extent.start <= extent.end <= length:
                raise RequestError(
                    "invalid", f"outline: [{extent.start}, {extent.end}) lies outside a prefix of {length}"
                )
        if self.max_tokens < 0:
            raise RequestError("invalid", f"max_tokens must not be negative, not {self.max_tokens}")
        if not (math.isfinite(self.temperature) and self.temperature >= 0):
            raise RequestError("invalid", f"temperature must not be negative, not {self.temperature}")
        if not 0 <= self.top_p <= 1:
            raise RequestError("invalid", f"top_p must be from 0 to 1, not {self.top_p}")
        if not (math.isfinite(self.deadline_ms) and self.deadline_ms > 0):
            raise RequestError("invalid", f"deadline_ms must be more than 0, not {self.deadline_ms}")
        if self.seed < 0:
            raise RequestError("invalid", f"seed must not be negative, not {self.seed}")


@dataclass(frozen=True, slots=True)
class TextEvent:
    """The next piece of a request's answer, never empty; `logprob` is that of all its text so far."""

    key: int
    text: str
    logprob: float = 0.0


@dataclass(frozen=True, slots=True)
class DoneEvent:
    """The end of a request."""

    key: int
    stop_reason: StopReason
    statistics: Statistics
    alternatives: tuple[Alternative, ...] = ()


@dataclass(frozen=True, slots=True)
class ErrorEvent:
    """The end of a request that could not be served."""

    key: int
    code: ErrorCode
    message: str


Event = TextEvent | DoneEvent | ErrorEvent
