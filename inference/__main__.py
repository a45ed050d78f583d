"""`python -m inference`: the worker (worker.py), with one thing done before anything is imported.

Until the model is there garbage is not looked for: there is none among modules, vocabulary and weights, and
to find that out again and again took a tenth of a worker's start.
"""

import gc
import sys


def main() -> int:
    """The exit code."""
    gc.disable()  # `worker.load_engine` turns it on
    from inference.worker import main as work

    return work()


if __name__ == "__main__":
    sys.exit(main())
