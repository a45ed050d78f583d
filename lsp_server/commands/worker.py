"""`midfill worker`: the process that holds the model, in the foreground.

Imports nothing of the channel: what is imported here costs the model's user a start of Python twice.
"""

import argparse
import os
import sys

from lsp_server.worker_environment import worker_environment

HELP = "hold a model in the foreground, for every editor window of this user"
EXAMPLES = """\
Editors start a worker themselves. Run one by hand to watch its log, or to keep a model loaded.

examples:
  midfill worker
  midfill worker --precision int8
  midfill worker --model ~/models/Qwen3-Coder-30B-A3B-Instruct --idle-timeout 86400
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--model", metavar="PATH", help="a model's folder or GGUF file (default: the one that ships)"
    )
    parser.add_argument(
        "--precision", metavar="NAME", help="of the weights on a CPU: auto, bf16, int8, int4 (default: auto)"
    )
    parser.add_argument(
        "--idle-timeout", metavar="SECONDS", help="end after this long without a client (default: 900)"
    )


def run(options: argparse.Namespace) -> int:
    given = {
        "--model": options.model,
        "--precision": options.precision,
        "--idle-timeout": options.idle_timeout,
    }
    arguments = [f"{name}={value}" for name, value in given.items() if value]
    # Replaced, not imported: the model's process may load torch, this one never. It checks the arguments.
    command = [sys.executable, "-P", "-m", "inference", *arguments]
    os.execve(sys.executable, command, worker_environment())  # noqa: S606
