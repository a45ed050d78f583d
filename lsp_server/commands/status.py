"""`midfill status`: what the running worker does. Starts nothing."""

import argparse
import asyncio
import json
import sys
from dataclasses import asdict

from inference.messages import Status
from lsp_server.commands import CommandError, terminal
from lsp_server.commands.precision import add_precision
from lsp_server.worker_attach import WorkerFailure, ask_status
from lsp_server.worker_process import WorkerCommand

HELP = "say what the running worker does"
EXAMPLES = """\
Exit code 0: a worker runs; 1: none runs, or it does not answer.

examples:
  midfill status
  midfill status --json
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--model", default="", metavar="PATH", help="the worker's model (default: the one that ships)"
    )
    add_precision(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(options: argparse.Namespace) -> int:
    try:
        command = WorkerCommand(model=options.model, precision=options.precision)
        status = asyncio.run(ask_status(command))
    except WorkerFailure as failure:
        raise CommandError(f"{failure}; {failure.cure}" if failure.cure else str(failure)) from failure
    if status is None:
        if options.json:
            print(json.dumps({"state": "stopped"}))
        else:
            print("no worker runs; an editor or `midfill complete` starts one")
        return 1
    print(json.dumps(_fields(status)) if options.json else _told(status))
    return 0


def _fields(status: Status) -> dict[str, object]:
    return {name: value for name, value in asdict(status).items() if name != "id"}


def _told(status: Status) -> str:
    colour = terminal.GREEN if status.state == "ready" else terminal.YELLOW
    lines = [
        ("state", terminal.painted(status.state, colour, sys.stdout)),
        ("model", terminal.printable(status.model)),
        ("device", terminal.printable(status.device)),
        ("process", f"{status.pid}, up {_duration(status.uptime_s)}"),
        ("memory", f"{status.memory_bytes / 2**20:.0f} MiB"),
        ("clients", f"{status.clients}, {status.active} of their requests under way"),
        ("detail", terminal.printable(status.detail)),
    ]
    return "\n".join(f"{name:8} {value}" for name, value in lines if value)


def _duration(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s" if minutes else f"{rest} s"
