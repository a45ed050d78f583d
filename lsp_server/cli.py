"""The `midfill` command: parses, dispatches, and turns every failure into one sentence and an exit code.

Exit codes: 0 done, 1 it could not be done, 2 the command line was wrong, 130 interrupted.
"""

import argparse
import io
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Protocol, cast

from lsp_server import __version__
from lsp_server.commands import CommandError, terminal

INTERRUPTED = 130

EXAMPLES = """\
examples:
  midfill complete app.py --line 12 --column 5
  midfill doctor
  midfill <command> --help
"""


class Command(Protocol):
    """A module of lsp_server.commands."""

    HELP: str
    EXAMPLES: str

    def add_arguments(self, parser: argparse.ArgumentParser) -> None: ...

    def run(self, options: argparse.Namespace) -> int:
        """The exit code."""
        ...


COMMANDS = ("lsp", "worker", "complete", "status", "doctor", "why")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code. argparse itself exits with 2 on a wrong command line."""
    if sys.stdout is None or sys.stderr is None:
        print("midfill: standard output and standard error must be open", file=sys.stderr)
        return 1
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # as stderr: a locale may lack a character of ours
    given = sys.argv[1:] if arguments is None else arguments
    options = parser(given[0] if given else "").parse_args(given)
    if options.command != "worker":  # which is another process in a moment
        _begin_log(options.command)
    try:
        code = _command(options.command).run(options)
        sys.stdout.flush()
    except CommandError as error:
        _complain(str(error))
        return error.exit_code
    except BrokenPipeError:  # whoever read us has read enough
        _drop_output()
        return 0
    except OSError as error:  # the disk that the output goes to is full
        _complain(f"{error.filename}: {error.strerror}" if error.filename else error.strerror or str(error))
        _log_error(options.command)
        _drop_output()
        return 1
    except KeyboardInterrupt:
        return INTERRUPTED
    return code


def _begin_log(command: str) -> None:
    """What went wrong is told by the one sentence; `lsp` alone lives long enough to keep a log."""
    import logging

    logging.basicConfig(
        level=logging.WARNING if command == "lsp" else logging.CRITICAL + 1,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )


def _log_error(command: str) -> None:
    """The error that is being handled; shown by `lsp` alone."""
    import logging

    logging.getLogger(__name__).exception("%s ended by an error", command)


def _complain(message: str) -> None:
    prefix = terminal.painted("midfill:", terminal.RED, sys.stderr)
    print(prefix, terminal.printable(message), file=sys.stderr)


def _drop_output() -> None:
    """Python flushes stdout once more at its exit: into nothing, then."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def parser(asked: str = "") -> argparse.ArgumentParser:
    """The parser of the whole command line; where `asked` is a subcommand, of that one alone: the modules of
    the others cost 0.1 s to import."""
    top = argparse.ArgumentParser(
        prog="midfill",
        description="Private fill-in-the-middle code completion.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    top.add_argument("--version", action="version", version=f"midfill {__version__}")
    commands = top.add_subparsers(dest="command", metavar="<command>", required=True)
    for name in (asked,) if asked in COMMANDS else COMMANDS:
        command = _command(name)
        command.add_arguments(
            commands.add_parser(
                name,
                help=command.HELP,
                description=command.HELP[0].upper() + command.HELP[1:] + ".",
                epilog=command.EXAMPLES,
                formatter_class=argparse.RawDescriptionHelpFormatter,
                allow_abbrev=False,
            )
        )
    return top


def _command(name: str) -> Command:
    return cast("Command", import_module(f"lsp_server.commands.{name}"))
