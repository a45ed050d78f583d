"""Does every request get exactly one reply? Requests that are cancelled, superseded and malformed, at random.

    python -m benchmarks.storm [--requests N] [--seed N] [--model PATH] [--json]

A client types into a few documents of the real server, asks, asks again, cancels, goes on typing, closes,
and sends what is no request, or no message at all, in bursts, now and then waiting for all that is due.
Counted are the replies to each id; those without an id, of which there is one to each message that has
none; and texts for a document that has changed since: those behind the reply to a request that was sent
behind the change. The server had read the change by then.
"""

import argparse
import asyncio
import contextlib
import json
import random
import sys
import time
from dataclasses import asdict, dataclass

from benchmarks.storming.conversation import Conversation, HungUpError
from benchmarks.storming.ledger import Ledger
from benchmarks.storming.weather import Weather

PATIENCE_S = 120.0
LAST_S = 120.0
"""For the last replies, after which they are missing."""

MAX_WAITING = 200
"""Requests without a reply, before more are sent."""

CALM = 10
"""After so many bursts all replies are waited for, so that some requests are not superseded."""


@dataclass(frozen=True, slots=True)
class Report:
    """`replies` to requests with an id, `texts` among them. The four last ones are faults: requests without a
    reply, replies too many, replies without an id too few or too many, texts for an old version."""

    requests: int
    messages: int
    replies: int
    texts: int
    seconds: float
    unanswered: int
    surplus: int
    nameless: int
    stale: int

    @property
    def is_good(self) -> bool:
        return not (self.unanswered or self.surplus or self.nameless or self.stale)


def main(arguments: list[str] | None = None) -> int:
    options = _parse(arguments)
    try:
        report = asyncio.run(storm(options.requests, options.seed, options.model))
    except (OSError, HungUpError, TimeoutError) as error:
        print(f"storm: {str(error) or 'the server did not answer in time'}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nstorm: interrupted", file=sys.stderr)
        return 130
    print(json.dumps(asdict(report)) if options.json else told(report))
    return 0 if report.is_good else 1


async def storm(requests: int, seed: int, model: str) -> Report:
    """Send so many requests, and count. Raises HungUpError, TimeoutError."""
    ledger = Ledger()
    weather = Weather(random.Random(seed), ledger)
    start = time.perf_counter()
    conversation = await Conversation.start(ledger)
    try:
        async with asyncio.timeout(PATIENCE_S):
            await conversation.initialize(model)
        bursts = 0
        while ledger.num_requests < requests:
            for frame in weather.burst():
                conversation.send(frame)
            await conversation.drain()
            bursts += 1
            async with asyncio.timeout(PATIENCE_S):
                await conversation.until_waiting(MAX_WAITING if bursts % CALM else 0)
            _progress(ledger.num_requests, requests)
        # What is still missing then is in the ledger.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LAST_S):
                await conversation.until(lambda: ledger.is_settled)
        async with asyncio.timeout(PATIENCE_S):
            await conversation.end()
    finally:
        await conversation.kill()
    return Report(
        requests=ledger.num_requests,
        messages=ledger.num_messages,
        replies=ledger.num_replies,
        texts=ledger.num_texts,
        seconds=time.perf_counter() - start,
        unanswered=ledger.num_waiting,
        surplus=ledger.num_surplus,
        nameless=ledger.num_nameless,
        stale=ledger.num_stale,
    )


def told(report: Report) -> str:
    """For a terminal."""
    lines = [
        f"{report.requests} requests in {report.messages} messages, {report.seconds:.0f} s; {report.replies} "
        f"replies, {report.texts} with text",
        f"without a reply: {report.unanswered}",
        f"replies too many: {report.surplus}",
        f"replies without an id, beyond those due: {report.nameless}",
        f"texts for an old version: {report.stale}",
    ]
    return "\n".join(lines)


def _progress(done: int, total: int) -> None:
    if sys.stderr.isatty():
        end = "\n" if done >= total else ""
        print(f"\rstorm: {min(done, total)}/{total} ", end=end, file=sys.stderr, flush=True)


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.storm", description="One reply for each request, whatever comes."
    )
    parser.add_argument("--requests", type=int, default=100_000, metavar="N", help="(default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="(default: %(default)s)")
    parser.add_argument("--model", default="", metavar="PATH", help="(default: the one that ships)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
