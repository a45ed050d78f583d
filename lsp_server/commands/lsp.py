"""`midfill lsp`: the language server, for one editor."""

import argparse
import sys

from lsp_server.commands import CommandError

HELP = "serve an editor over standard input and output"
EXAMPLES = """\
Editors start this command themselves; see the clients in editors/.

example:
  midfill lsp --stdio
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    # The one transport there is. Editors' clients pass it, and a later one will need a name beside it.
    parser.add_argument("--stdio", action="store_true", help="speak over stdin and stdout (the default)")


def run(options: argparse.Namespace) -> int:
    if sys.stdin is None:
        raise CommandError("standard input is closed; an editor speaks over it")
    from lsp_server.server import run_stdio

    return run_stdio()
