"""Where the text for a cursor comes from: an earlier answer, one under way, or the model, asked now."""

from __future__ import annotations

from lsp_server.completion.means import Means
from lsp_server.completion.moment import Moment, is_left_at_peace
from lsp_server.completion.origin import Origin
from lsp_server.completion.recent import Recent
from lsp_server.completion.request import request
from lsp_server.completion.stream import Reader, Stream
from lsp_server.completion.trigger import Trigger
from lsp_server.completion.trim import Trim, drops_blank
from lsp_server.settings import Settings
from lsp_server.turns import Turn


async def source(moment: Moment, trigger: Trigger, turn: Turn, means: Means) -> Reader | None:
    """A reader of text for the cursor; None where the turn was lost meanwhile, or it is no time to ask.

    The model is asked once the user does not seem about to type on before it could answer.
    """
    snapshot, offset, settings = moment.snapshot, moment.offset, means.settings
    reader = _earlier(trigger, means.recent, settings) if settings.reuse else None
    if reader is not None:
        return reader
    if not moment.is_worth_asking(settings):
        moment.trace.silent("text has just been taken away here")
        return None
    if not await is_left_at_peace(turn, _delay_s(moment, trigger, means)):
        return None
    moment.trace.mark("delay")
    snippets = await means.near(snapshot, offset) if means.near is not None else ()
    moment.trace.mark("context")
    if turn.is_lost():
        return None
    asks = request(snapshot, offset, settings.max_tokens, means.salt, snippets)
    origin = Origin.of(snapshot, offset, drops_blank(trigger.site))
    moment.trace.snippets = asks.snippets  # as they are sent
    moment.trace.calibration = means.link.calibration
    moment.trace.mark("prompt")
    return means.recent.open(origin, lambda: means.link.generate(asks)).read(0, "model")


def _delay_s(moment: Moment, trigger: Trigger, means: Means) -> float:
    """None at a line's beginning: there people think."""
    if moment.invoked or not trigger.site.before.strip() or not means.settings.has("delay"):
        return 0.0
    return means.rhythm.delay_s(moment.level(means.settings).pause)


def _earlier(trigger: Trigger, recent: Recent, settings: Settings) -> Reader | None:
    """Of a text that fits the cursor already; None: the model has to be asked."""

    def serves(rest: str, stream: Stream) -> bool:
        """Whether an ended stream says what the model would have said if it had been asked here."""
        trim = Trim(trigger.site, trigger.block, settings.multiline)
        if trim.feed(rest).complete:
            return True
        return bool(trim.finish(truncated=True).text) if stream.is_truncated else stream.is_whole

    return recent.find(trigger.site.snapshot, trigger.site.offset, serves)
