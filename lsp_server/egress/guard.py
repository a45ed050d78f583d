"""Runs a program under the filter: `python -m lsp_server.egress.guard DESCRIPTOR PROGRAM ...`.

The listener is sent over the unix socket DESCRIPTOR, with one byte; where there can be no filter the
reason is sent, and the program runs without.
"""

from __future__ import annotations

import os
import socket
import sys

from lsp_server.egress.seccomp import NoFilterError, install

FILTERED = b"\0"


def main() -> None:
    """Does not return: the program takes this process's place."""
    with socket.socket(fileno=int(sys.argv[1])) as channel:
        try:
            listener = install()
        except NoFilterError as error:
            channel.sendall(str(error).encode())
        else:
            socket.send_fds(channel, [FILTERED], [listener])
            os.close(listener)
    program = sys.argv[2:]
    os.execv(program[0], program)  # noqa: S606


if __name__ == "__main__":
    main()
