"""The worker process: `python -m inference`. One model, any number of clients of one user.

The main thread runs asyncio and never computes, so it answers while the model loads or works; the engine
thread (engine_thread.py) does the rest. Exit codes: 0 nobody needs it any more, 1 broken, 2 bad arguments or
no model.
"""

import argparse
import asyncio
import faulthandler
import gc
import logging
import os
import signal
import socket
import sys
from collections.abc import Sequence
from pathlib import Path

from inference.engine_thread import Engine
from inference.listener import AlreadyRunningError, Listener
from inference.model import ModelError
from inference.transport import PRECISIONS, UnsafeDirectoryError, socket_path
from inference.worker_log import WorkerLog
from inference.worker_service import Load, WorkerService

log = logging.getLogger(__name__)

SHIPPED = "shipped"
STOP_TIMEOUT_S = 1.0
"""For the engine's last step. A model that is still loading is abandoned."""


def main(arguments: Sequence[str] | None = None, *, load: Load | None = None) -> int:
    """Runs until nobody needs the worker; the exit code. `load` replaces the real engine in tests."""
    options = _parse(arguments)
    try:
        options.model = _model_name(options.model)
    except ModelError as error:
        print(f"midfill worker: {error}", file=sys.stderr)
        return 2
    worker_log = WorkerLog(options.log)
    logging.basicConfig(level=logging.INFO, handlers=[worker_log], force=True)
    faulthandler.enable()
    model: Path | None = None if options.model == SHIPPED else Path(options.model)
    service = WorkerService(
        load or (lambda: load_engine(model, options.precision)),
        model_name=SHIPPED if model is None else model.name,
        idle_timeout_s=options.idle_timeout,
        problem=lambda: worker_log.problem,
    )
    try:
        code = asyncio.run(_serve(service, options))
    except (AlreadyRunningError, UnsafeDirectoryError, OSError) as error:
        print(f"midfill worker: {error}", file=sys.stderr)
        return 1
    finally:
        gc.unfreeze()  # or the native modules, which look at their end, would find what was never given back
    log.info("ends with exit code %d", code)
    if not service.engine_thread.join(STOP_TIMEOUT_S):
        logging.shutdown()
        os._exit(code)  # Python would wait for, or crash in, a thread that is deep in native code
    return code


def load_engine(path: Path | None, precision: str) -> Engine:
    """The real engine, in the engine thread: torch, where it is needed, takes seconds. Raises ModelError."""
    from inference.drafts import CopyDrafts
    from inference.engine import Engine as RealEngine
    from inference.models.load import load
    from kernels.text import available

    model, tokenizer, card = load(path, precision=precision)
    drafts = CopyDrafts(tokenizer) if available() else None
    engine = RealEngine(model, tokenizer, card, drafts=drafts)
    # All that there is by now stays to the end: no collection, which may come at any token, need walk it.
    gc.freeze()
    gc.enable()
    return engine


async def _serve(service: WorkerService, options: argparse.Namespace) -> int:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, service.end, 0)
    if options.private_fd is not None:
        sock = socket.socket(fileno=options.private_fd)
        os.set_inheritable(options.private_fd, False)
        return await service.serve_one(sock)
    listener = Listener(options.socket or socket_path(options.model, options.precision), options.lock_fd)
    try:
        return await service.serve_all(listener.socket)
    finally:
        listener.close()


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="midfill worker",
        description="Holds a model and completes code for the language servers of a user.",
    )
    parser.add_argument(
        "--model", default=SHIPPED, help="directory or GGUF file of a model, or 'shipped' (default)"
    )
    parser.add_argument(
        "--precision", choices=PRECISIONS, default="auto", help="of the weights (default: auto)"
    )
    parser.add_argument("--socket", type=Path, help="where to listen; default: where language servers look")
    parser.add_argument("--lock-fd", type=_descriptor, help="descriptor that holds the socket's lock already")
    parser.add_argument(
        "--private-fd", type=_descriptor, help="serve the one client at the other end of this descriptor"
    )
    parser.add_argument(
        "--idle-timeout", type=_seconds, default=900.0, help="seconds without a client, then end"
    )
    parser.add_argument("--log", type=Path, help="file for the log; default: stderr")
    return parser.parse_args(arguments)


def _model_name(model: str) -> str:
    """What servers and worker meet under: the model's absolute path, or SHIPPED. Raises ModelError."""
    if model == SHIPPED:
        return model
    try:
        return str(Path(model).expanduser().resolve())
    except (RuntimeError, ValueError, OSError) as error:  # no such home, links in a circle, a zero byte
        raise ModelError(f"the model {model!r} cannot be found: {error}") from error


def _descriptor(text: str) -> int:
    number = int(text)
    if not 0 <= number < 1 << 31:
        raise argparse.ArgumentTypeError(f"{text} is not a descriptor")
    return number


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 <= seconds < 1e9:
        raise argparse.ArgumentTypeError(f"{text} is not a number of seconds")
    return seconds


if __name__ == "__main__":
    sys.exit(main())
