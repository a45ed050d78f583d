"""llama.cpp's own server, as the package xllamacpp has it: in this process, or in one of its own.

    python -m benchmarks.peers.llama_server --gguf FILE --socket PATH [--threads N] [--flash-attention]

It serves HTTP on a unix socket until its input ends.
"""

import argparse
import http.client
import json
import socket
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.peers.side import Timed
from inference.model import ModelError

FLASH = {True: 1, False: 0}  # llama.cpp's numbers; -1 leaves it to it
GGML_F32 = 0


def start_server(
    gguf: Path,
    socket_path: Path,
    *,
    threads: int,
    context: int,
    flash: bool | None = None,
    micro_batch: int = 512,
    exact: bool = False,
) -> Any:
    """A server of a file, listening at `socket_path`.

    Args:
        flash: flash attention; None leaves it to llama.cpp.
        micro_batch: tokens of a prompt that it computes at once.
        exact: keys and values in float32.

    Raises:
        ModelError: xllamacpp is not installed, or llama.cpp does not load the file.
    """
    try:
        import xllamacpp
    except ImportError as error:
        raise ModelError(
            "this benchmark needs llama.cpp, and there is none; pip install xllamacpp"
        ) from error
    params = xllamacpp.CommonParams()
    params.model.path = str(gguf)
    params.n_ctx, params.n_parallel, params.verbosity = context, 1, 0
    params.n_batch, params.n_ubatch = max(params.n_batch, micro_batch), micro_batch
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
    if exact:
        params.cache_type_k = params.cache_type_v = GGML_F32
    if flash is not None:
        params.flash_attn_type = FLASH[flash]
    params.fit_params = params.warmup = params.ui = False
    params.hostnames = [str(socket_path)]
    try:
        return xllamacpp.Server(params)
    except RuntimeError as error:
        raise ModelError(f"{gguf}: llama.cpp does not load it: {error}") from error


def start_unheard(gguf: Path, **options: Any) -> tuple[Any, Callable[[], None]]:
    """A server that nothing connects to, and what takes its folder away.

    It insists on listening somewhere: it does on a socket in a folder of our own. Arguments and errors are
    those of `start_server`.
    """
    folder = tempfile.TemporaryDirectory(prefix="mf")
    try:
        return start_server(gguf, Path(folder.name) / "llama.sock", **options), folder.cleanup
    except ModelError:
        folder.cleanup()
        raise


def question(prompt: Sequence[int] | str, count: int, banned: Sequence[int], cached: bool) -> dict[str, Any]:
    """What its /completion is asked for `count` greedy tokens, none of `banned`."""
    return {
        "prompt": prompt, "n_predict": count, "temperature": 0, "samplers": ["top_k"], "top_k": 1,
        "cache_prompt": cached, "return_tokens": True, "ignore_eos": True,
        "logit_bias": [[token, False] for token in banned],
    }  # fmt: skip


class LlamaServer:
    """A server in this process, asked without HTTP, by its own clock."""

    def __init__(
        self, gguf: Path, banned: Sequence[int], *, threads: int, context: int, flash: bool, micro_batch: int
    ) -> None:
        self._banned = banned
        self._server, self._clean = start_unheard(
            gguf, threads=threads, context=context, flash=flash, micro_batch=micro_batch
        )
        self.name = f"llama.cpp, {'flash' if flash else 'plain'} attention"

    def run(self, prompt: Sequence[int], count: int, fresh: bool) -> Timed:
        asked = question(list(prompt), count, self._banned, cached=not fresh)
        reply = self._server.handle_completions(asked | {"verbose": True})["__verbose"]
        times = reply["timings"]
        return Timed(reply["tokens"], times["prompt_ms"], times["predicted_ms"] / max(1, count - 1))

    def close(self) -> None:
        """End the server."""
        del self._server
        self._clean()


class UnixConnection(http.client.HTTPConnection):
    """HTTP on a unix socket, which is connected to anew for each request: the server hangs up on the idle."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost")
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.connect(str(self._path))

    def complete(self, asked: dict[str, Any]) -> dict[str, Any]:
        """POST /completion. Raises OSError, http.client.HTTPException."""
        try:
            self.request("POST", "/completion", json.dumps(asked), {"Content-Type": "application/json"})
            answer = self.getresponse()
            body = answer.read()
        finally:
            self.close()
        if answer.status != 200:
            raise http.client.HTTPException(f"{answer.status} {body[:200]!r}")
        reply: dict[str, Any] = json.loads(body)
        return reply


def main() -> int:
    parser = argparse.ArgumentParser(prog="benchmarks.peers.llama_server")
    parser.add_argument("--gguf", type=Path, required=True)
    parser.add_argument("--socket", type=Path, required=True)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--context", type=int, default=2048)
    parser.add_argument("--flash-attention", action="store_true")
    options = parser.parse_args()
    try:
        server = start_server(
            options.gguf,
            options.socket,
            threads=options.threads,
            context=options.context,
            flash=options.flash_attention,
        )
    except ModelError as error:
        print(error, file=sys.stderr)
        return 1
    print("ready", flush=True)
    sys.stdin.read()
    del server
    return 0


if __name__ == "__main__":
    sys.exit(main())
