"""`midfill worker`: the process that holds the model, in the foreground."""

import argparse
import os
import sys

from lsp_server.commands import CommandError
from lsp_server.worker_process import ModelPathError, WorkerCommand

HELP = "hold a model in the foreground, for every editor window of this user"
EXAMPLES = """\
Editors start a worker themselves. Run one by hand to watch its log, or to keep a model loaded.

examples:
  midfill worker
  midfill worker --model ~/models/Qwen3-Coder-30B-A3B-Instruct --idle-timeout 86400
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--model",
        default="",
        metavar="PATH",
        help="a model's folder or GGUF file (default: the one that ships)",
    )
    parser.add_argument(
        "--idle-timeout",
        type=float,
        default=WorkerCommand().idle_timeout_s,
        metavar="SECONDS",
        help="end after this long without a client (default: %(default)g)",
    )


def run(options: argparse.Namespace) -> int:
    command = WorkerCommand(model=options.model, idle_timeout_s=options.idle_timeout)
    try:
        arguments = [f"--model={command.model_name}", f"--idle-timeout={command.idle_timeout_s:g}"]
    except ModelPathError as error:
        raise CommandError(str(error)) from error
    # Replaced, not imported: the model's process may load torch, this one never.
    os.execv(sys.executable, [*command.program, *arguments])  # noqa: S606 - as intended
