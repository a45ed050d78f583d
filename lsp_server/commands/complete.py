"""`midfill complete`: one completion, by the same way that an editor's goes."""

import argparse
import asyncio
import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from inference.messages import Error, Statistics
from lsp_server import policy
from lsp_server.commands import CommandError
from lsp_server.commands.ghost_text import GhostText
from lsp_server.commands.precision import add_precision
from lsp_server.commands.source_file import offset_of, open_document
from lsp_server.completion.answer import answer
from lsp_server.completion.means import Means
from lsp_server.completion.moment import Moment
from lsp_server.completion.recent import Recent
from lsp_server.completion.stream import Reader
from lsp_server.document import Snapshot
from lsp_server.settings import MAX_TOKENS_LIMIT, Settings
from lsp_server.turns import Turn
from lsp_server.worker_link import LinkStatus, WorkerLink, connect_worker
from lsp_server.worker_process import WorkerCommand

HELP = "complete a file at one place"
EXAMPLES = """\
Prints the completion alone into a pipe, and its line around it on a terminal. Line and column count
from 1, and column N stands before the Nth character.

examples:
  midfill complete app.py --line 12 --column 5
  midfill complete app.py --line 12 --column 5 --json | jq .text
"""

# What is for those who have not asked.
UNASKED = ("confidence", "deadline", "delay")

# What `Report.stop_reason` says beside the model's own reasons.
TRIMMED, NOTHING = "trimmed", "none"


@dataclass(frozen=True, slots=True)
class Report:
    """The fields of --json. Times are the worker's, in milliseconds, from the request's arrival there.

    `stop_reason` is "eot", "stop" or "length" where the model ended, "trimmed" where the text was complete
    before that, "none" where the place asks for no completion and the model was not asked.
    """

    text: str
    ttft_ms: float
    total_ms: float
    prompt_tokens: int
    cached_tokens: int
    generated_tokens: int
    stop_reason: str
    model: str


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, metavar="FILE", help="the file to complete; it is not changed")
    parser.add_argument("--line", type=int, required=True, metavar="N", help="the cursor's line, from 1")
    parser.add_argument("--column", type=int, required=True, metavar="N", help="the cursor's column, from 1")
    parser.add_argument(
        "--json", action="store_true", help="print one JSON object, with times and token counts"
    )
    parser.add_argument(
        "--language", default="", metavar="ID", help="the language (default: by the file's name)"
    )
    parser.add_argument(
        "--model",
        default="",
        metavar="PATH",
        help="a model's folder or GGUF file (default: the one that ships)",
    )
    add_precision(parser)
    parser.add_argument(
        "--max-tokens",
        type=_max_tokens,
        default=Settings().max_tokens,
        metavar="N",
        help=f"at most this many tokens, 1 to {MAX_TOKENS_LIMIT} (default: %(default)s)",
    )
    parser.add_argument(
        "--private", action="store_true", help="use a worker of its own, which ends with the command"
    )


def run(options: argparse.Namespace) -> int:
    settings = Settings(
        model=options.model,
        precision=options.precision,
        max_tokens=options.max_tokens,
        private_worker=options.private,
        rules=policy.rules_for(tuple(options.file.absolute().parents)),
        without=UNASKED,
    )
    snapshot = open_document(options.file, options.language)
    offset = offset_of(snapshot, options.file, options.line, options.column)
    if reason := policy.refuses(snapshot.uri, snapshot.language, snapshot.text, settings):
        raise CommandError(f"{options.file} is not completed: {reason}")
    ghost = GhostText(snapshot, offset, sys.stdout) if not options.json and sys.stdout.isatty() else None
    report = asyncio.run(_complete(snapshot, offset, settings, ghost))
    if options.json:
        print(json.dumps(asdict(report)))
    elif ghost is not None:
        ghost.finish(report.text)
        print(_summary(report), file=sys.stderr)
    else:
        sys.stdout.write(report.text)
    return 0


async def _complete(snapshot: Snapshot, offset: int, settings: Settings, ghost: GhostText | None) -> Report:
    link = connect_worker(settings, lambda _status: None)
    await link.start()
    try:
        status = await link.settled()
        if status.state == "error":
            raise CommandError(f"{status.message}; {WorkerCommand().see_log}")
        return await _ask(snapshot, offset, settings, link, status, ghost)
    finally:
        await link.close()


async def _ask(
    snapshot: Snapshot,
    offset: int,
    settings: Settings,
    link: WorkerLink,
    status: LinkStatus,
    ghost: GhostText | None,
) -> Report:
    readers: list[Reader] = []
    grown = ghost.grow if ghost is not None else None
    means = Means(settings, link, "", Recent())
    completion = await answer(Moment(snapshot, offset), Turn(), means, grown, readers.append)
    text = completion.text if completion is not None else ""
    if not readers:
        return _report(text, NOTHING, Statistics(0, 0, 0, 0.0, 0.0, 0.0, 0.0), status.model)
    outcome = await readers[-1].outcome()
    if isinstance(outcome, Error):
        raise CommandError(f"no completion: {outcome.message}")
    # "aborted" is our own doing: `answer` hangs up when it has enough text.
    reason = TRIMMED if outcome.stop_reason == "aborted" else outcome.stop_reason
    return _report(text, reason, outcome.statistics, status.model)


def _report(text: str, stop_reason: str, statistics: Statistics, model: str) -> Report:
    return Report(
        text=text,
        ttft_ms=round(statistics.ttft_ms, 1),
        total_ms=round(statistics.total_ms, 1),
        prompt_tokens=statistics.prompt_tokens,
        cached_tokens=statistics.cached_tokens,
        generated_tokens=statistics.generated_tokens,
        stop_reason=stop_reason,
        model=model,
    )


def _summary(report: Report) -> str:
    if not report.text:
        return "nothing to complete here"
    return (
        f"{report.generated_tokens} tokens in {report.total_ms:.0f} ms, the first text after "
        f"{report.ttft_ms:.0f} ms; {report.cached_tokens} of {report.prompt_tokens} prompt tokens reused"
    )


def _max_tokens(text: str) -> int:
    number = int(text)
    if not 1 <= number <= MAX_TOKENS_LIMIT:
        raise argparse.ArgumentTypeError(f"{text} is not from 1 to {MAX_TOKENS_LIMIT}")
    return number
