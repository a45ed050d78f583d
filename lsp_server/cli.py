"""The `midfill` command: parses, dispatches, and turns every failure into one sentence and an exit code.

Exit codes: 0 done, 1 it could not be done, 2 the command line was wrong, 130 interrupted.
"""

import argparse
import io
import logging
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lsp_server import __version__
from lsp_server.commands import CommandError, complete, doctor, lsp, status, terminal, worker

log = logging.getLogger(__name__)

INTERRUPTED = 130

EXAMPLES = """\
examples:
  midfill complete app.py --line 12 --column 5
  midfill doctor
  midfill <command> --help
"""


@dataclass(frozen=True, slots=True)
class Command:
    """One subcommand: its help, how to add its arguments, and what runs it."""

    help: str
    examples: str
    add_arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], int]


COMMANDS = {
    "lsp": Command(lsp.HELP, lsp.EXAMPLES, lsp.add_arguments, lsp.run),
    "worker": Command(worker.HELP, worker.EXAMPLES, worker.add_arguments, worker.run),
    "complete": Command(complete.HELP, complete.EXAMPLES, complete.add_arguments, complete.run),
    "status": Command(status.HELP, status.EXAMPLES, status.add_arguments, status.run),
    "doctor": Command(doctor.HELP, doctor.EXAMPLES, doctor.add_arguments, doctor.run),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code. argparse itself exits with 2 on a wrong command line."""
    if sys.stdout is None or sys.stderr is None:
        print("midfill: standard output and standard error must be open", file=sys.stderr)
        return 1
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # as stderr: a locale may lack a character of ours
    options = parser().parse_args(arguments)
    # What went wrong is told by the one sentence; `lsp` alone lives long enough to keep a log.
    logging.basicConfig(
        level=logging.WARNING if options.command == "lsp" else logging.CRITICAL + 1,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
    try:
        code = COMMANDS[options.command].run(options)
        sys.stdout.flush()
    except CommandError as error:
        _complain(str(error))
        return error.exit_code
    except BrokenPipeError:  # whoever read us has read enough
        _drop_output()
        return 0
    except OSError as error:  # the disk that the output goes to is full
        _complain(f"{error.filename}: {error.strerror}" if error.filename else error.strerror or str(error))
        log.exception("%s ended by an error", options.command)  # shown by `lsp` alone
        _drop_output()
        return 1
    except KeyboardInterrupt:
        return INTERRUPTED
    return code


def _complain(message: str) -> None:
    prefix = terminal.painted("midfill:", terminal.RED, sys.stderr)
    print(prefix, terminal.printable(message), file=sys.stderr)


def _drop_output() -> None:
    """Python flushes stdout once more at its exit: into nothing, then."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def parser() -> argparse.ArgumentParser:
    """The parser of the whole command line."""
    top = argparse.ArgumentParser(
        prog="midfill",
        description="Private fill-in-the-middle code completion.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    top.add_argument("--version", action="version", version=f"midfill {__version__}")
    commands = top.add_subparsers(dest="command", metavar="<command>", required=True)
    for name, command in COMMANDS.items():
        command.add_arguments(
            commands.add_parser(
                name,
                help=command.help,
                description=command.help[0].upper() + command.help[1:] + ".",
                epilog=command.examples,
                formatter_class=argparse.RawDescriptionHelpFormatter,
                allow_abbrev=False,
            )
        )
    return top
