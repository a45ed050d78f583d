"""A completion in the making: what of a text is to be shown, while it comes and when it has."""

from __future__ import annotations

import re

from lsp_server.completion.choice import Reveal, whole_lines
from lsp_server.completion.confidence import Confidence
from lsp_server.completion.context import plain
from lsp_server.completion.gate import Gate
from lsp_server.completion.means import Means
from lsp_server.completion.moment import Moment
from lsp_server.completion.stream import Reader
from lsp_server.completion.trigger import Trigger
from lsp_server.completion.trim import Trim

_LAST_WORD = re.compile(r"\w+\Z")


class Draft:
    """What `reader` brings, trimmed and cut where it is no longer likely enough. `gate` has not been asked
    about more than was seen."""

    def __init__(self, moment: Moment, trigger: Trigger, means: Means, reader: Reader) -> None:
        self.trigger = trigger
        self.reader = reader
        self.trace = moment.trace
        self.gate = Gate(trigger.site, means.settings.rules)
        level = moment.level(means.settings)
        self._confidence = Confidence(trigger.site, level, means.link.calibration)
        self._weighs = means.settings.has("confidence") and not moment.invoked
        self._multiline = means.settings.multiline
        self._newline = trigger.site.snapshot.newline
        self._trim = self.trimmer()
        self._reveal = Reveal(self.gate)
        self._generated = ""
        self._text = ""

    @property
    def seen(self) -> str:
        """What was shown of it while it grew, and is not taken back."""
        return self._reveal.seen

    @property
    def silence(self) -> str:
        """Why nothing of it is shown, if nothing is."""
        if not self._generated.strip():
            return "the model said nothing"
        if self.trace.verdicts:
            return f"stopped by {', '.join(verdict.gate for verdict in self.trace.verdicts)}"
        trimmed = self._trim.finish(self.reader.is_truncated).text
        return (
            "what the model said is not likely enough"
            if trimmed.strip()
            else "nothing was left after trimming"
        )

    def trimmer(self, block: bool | None = None) -> Trim:
        """For another text at the same place."""
        return Trim(self.trigger.site, self.trigger.block if block is None else block, self._multiline)

    def feed(self, piece: str) -> bool:
        """Take the next piece; whether no more is wanted."""
        if not self._generated:
            self.trace.mark("first text")
        self._generated += piece
        self.trace.chunks.append((piece, self.reader.logprob(0, len(self._generated))))
        trimmed = self._trim.feed(piece)
        self._text = trimmed.text
        return trimmed.complete or self._num_likely(self._text, ended=False) is not None

    def grows(self) -> bool:
        """Whether more may be seen now; of prose, whatever there is as long as it is likely enough."""
        if not self.gate.reads_code and self._num_likely(self._text, ended=True) is not None:
            return False
        return self._reveal.grow(self._text)

    def finish(self) -> str:
        """All that is likely enough, now that there is no more to come, and no less than was seen."""
        return self._likely(self._trim.finish(self.reader.is_truncated).text)

    def lines(self) -> str:
        """The whole lines that there are already, as far as they are likely enough and pass."""
        text = whole_lines(self.gate, self._text, len(self._text))
        return self._likely(text) if text else self.seen

    def begun(self) -> str:
        """The statement as far as it was said, up to the last whole word, if likely enough and it passes."""
        trim = self.trimmer()
        said = _LAST_WORD.sub("", self._generated) if self.reader.is_running else self._generated
        if not trim.feed(said).complete:
            trim.finish(truncated=True)
        text = self._likely(trim.finish().text)
        return text if re.search(r"\w", text) and self.gate.objection(text) is None else self.lines()

    def allows(self, logprob: float) -> bool:
        """Whether another first line of this probability is likely enough."""
        return not self._weighs or self._confidence.shows(logprob)

    def _likely(self, text: str) -> str:
        count = self._num_likely(text, ended=True)
        if count is not None:
            lines = text.split(self._newline)
            text = whole_lines(self.gate, text, len(self._newline.join([*lines[:count], ""])))
        return text if len(text) >= len(self.seen) else self.seen

    def _num_likely(self, text: str, ended: bool) -> int | None:
        if not self._weighs:
            return None
        return self._confidence.num_lines(plain(text), self._generated, self.reader.logprob, ended)
