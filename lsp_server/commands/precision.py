"""The option --precision, which every command that names a worker has."""

import argparse

from inference.transport import PRECISIONS
from lsp_server.settings import Settings


def add_precision(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--precision",
        choices=PRECISIONS,
        default=Settings().precision,
        help="of the weights on a CPU; each has a worker of its own (default: %(default)s)",
    )
