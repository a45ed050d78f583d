"""Asks the engine that ships for completions, one after the other."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Protocol

from inference.engine import Engine
from inference.prompt import PromptText
from inference.request import DoneEvent, ErrorEvent, Request, TextEvent
from training.outline import outline_of

LINE_TOKENS = 48


@dataclass(frozen=True, slots=True)
class Answer:
    """A completion, and the sum of its tokens' log-probabilities, its end's among them. `read`: the tokens of
    the prompt that were computed for it, and not in a cache."""

    text: str
    stop_reason: str
    tokens: int
    logprob: float
    read: int = 0

    @property
    def confidence(self) -> float:
        """The geometric mean of its tokens' probabilities."""
        return math.exp(self.logprob / max(1, self.tokens))

    @property
    def probability(self) -> float:
        """Of the whole: the product of its tokens' probabilities."""
        return math.exp(self.logprob)


class LineCompleter(Protocol):
    """Whatever completes a line; `Completer`, or a test's."""

    def line(self, text: PromptText, *, temperature: float = 0.0, seed: int = 0) -> Answer: ...


class BlockCompleter(Protocol):
    """Whatever goes on with a file."""

    def block(self, prefix: str, stops: tuple[str, ...], max_tokens: int) -> str: ...


class Completer:
    """Both, by the engine."""

    def __init__(self, engine: Engine, outlines: bool = True) -> None:
        self._engine, self._outlines, self._key = engine, outlines, 0

    def line(self, text: PromptText, *, temperature: float = 0.0, seed: int = 0) -> Answer:
        """The rest of the line at the cursor, greedy at temperature 0. Where the text's language is "python",
        with the outline that the language server would send; for others `training.outline` finds none.

        Raises:
            RuntimeError: the engine refused the request.
        """
        return self._ask(self._outlined(text), ("\n",), LINE_TOKENS, temperature, seed)

    def block(self, prefix: str, stops: tuple[str, ...], max_tokens: int) -> str:
        """How a Python file goes on at its end, greedy, up to the first of `stops` or about `max_tokens`.

        A card limits one answer; what it breaks off is asked for again.

        Raises:
            RuntimeError: the engine refused the request.
        """
        text, left = "", max_tokens
        while left > 0:
            answer = self._ask(self._outlined(PromptText(prefix + text, language="python")), stops, left)
            text += answer.text
            ends = [at for stop in stops if (at := text.find(stop)) >= 0]
            if ends:  # a stop that lies across two answers
                return text[: min(ends)]
            if answer.stop_reason != "length" or not answer.text:
                break
            left -= answer.tokens
        return text

    def _outlined(self, text: PromptText) -> PromptText:
        if not self._outlines or text.language != "python":
            return text
        return replace(text, outline=outline_of(text.prefix))

    def _ask(
        self,
        prompt: PromptText,
        stops: tuple[str, ...],
        max_tokens: int,
        temperature: float = 0.0,
        seed: int = 0,
    ) -> Answer:
        self._key += 1
        self._engine.submit(
            Request(
                key=self._key,
                document="",
                prompt=prompt,
                max_tokens=max_tokens,
                stop=stops,
                temperature=temperature,
                seed=seed,
            )
        )
        text = ""
        while self._engine.has_work:
            for event in self._engine.step():
                match event:
                    case TextEvent():
                        text += event.text
                    case DoneEvent():
                        figures = event.statistics
                        read = figures.prompt_tokens - figures.cached_tokens
                        return Answer(
                            text, event.stop_reason, figures.generated_tokens, figures.logprob, read
                        )
                    case ErrorEvent():
                        raise RuntimeError(event.message)
        raise RuntimeError("the engine ended without an answer")
