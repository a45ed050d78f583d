"""`python -m lsp_server`: the `midfill` command where it is not on the path."""

import sys

from lsp_server.cli import main

if __name__ == "__main__":
    sys.exit(main())
