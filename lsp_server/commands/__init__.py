"""The subcommands of `midfill`, one file each: `add_arguments(parser)` and `run(options) -> exit code`."""


class CommandError(Exception):
    """The command cannot do what was asked; the message is the one sentence that the user reads."""

    exit_code = 1


class UsageError(CommandError):
    """The command line asks for what cannot be: the user has to change it."""

    exit_code = 2
