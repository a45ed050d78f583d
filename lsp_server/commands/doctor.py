"""`midfill doctor`: what is there, what is not, and what to do about it."""

import argparse
import json
import sys
from dataclasses import asdict

from lsp_server.commands import terminal
from lsp_server.commands.checks import Check, check_all
from lsp_server.commands.egress_checks import check_egress
from lsp_server.commands.precision import add_precision

HELP = "check the installation and say how to mend it"
EXAMPLES = """\
Exit code 0: all is well; 1: there is a problem.

examples:
  midfill doctor
  midfill doctor --json
  midfill doctor --no-egress
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--model",
        default="",
        metavar="PATH",
        help="a model's folder or GGUF file (default: the one that ships)",
    )
    add_precision(parser)
    parser.add_argument(
        "--no-egress",
        action="store_true",
        help="run a server, a worker and a completion; fail if one of them asks for a socket to elsewhere",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(options: argparse.Namespace) -> int:
    checks: list[Check] = []
    check_each = check_egress if options.no_egress else check_all
    for check in check_each(options.model, options.precision):
        checks.append(check)
        if not options.json:
            print(_told(check), flush=True)
    problems = [check for check in checks if not check.ok]
    if options.json:
        print(json.dumps({"ok": not problems, "checks": [asdict(check) for check in checks]}))
    elif problems:
        print(f"\n{len(problems)} of {len(checks)} checks found a problem")
    return 1 if problems else 0


def _told(check: Check) -> str:
    word, colour = ("ok", terminal.GREEN) if check.ok else ("problem", terminal.RED)
    mark = terminal.painted(f"{word:8}", colour, sys.stdout)
    line = f"{mark}{check.name:10} {terminal.printable(check.found)}"
    return f"{line}\n{'':19}→ {terminal.printable(check.cure)}" if check.cure else line
