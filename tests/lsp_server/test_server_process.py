"""The server as a process, by its raw bytes; its link is a fake one."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

SERVER = """
import sys
from lsp_server.server import run_stdio
from tests.lsp_server.fake_link import FakeLink
{}
sys.exit(run_stdio(connect=FakeLink))
"""
GIVE_UP_S = 60


class Server:
    """One server process. Reads block, so a server that answers nothing is ended by the test's deadline."""

    def __init__(self, setup: str = "", stdin: Any = subprocess.PIPE) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", SERVER.format(setup)],
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=Path(__file__).parents[2],
        )

    def write(self, data: bytes) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def send(self, message: dict[str, Any]) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))

    def read(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        length = 0
        while (line := self.process.stdout.readline().strip().lower()) != b"":
            if line.startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        assert length, "the server hung up"
        return dict(json.loads(self.process.stdout.read(length)))

    def initialize(self) -> dict[str, Any]:
        params = {"capabilities": {}, "processId": None, "rootUri": None}
        self.send({"id": 1, "method": "initialize", "params": params})
        return self.read()

    def end(self) -> tuple[int, str]:
        """Close stdin; the exit code and stderr."""
        _, errors = self.process.communicate(timeout=GIVE_UP_S)
        return self.process.returncode, errors.decode()

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(GIVE_UP_S)
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            if stream is not None:
                with contextlib.suppress(BrokenPipeError):
                    stream.close()


@pytest.fixture
def start() -> Iterator[Callable[..., Server]]:
    servers: list[Server] = []

    def start(*arguments: Any, **options: Any) -> Server:
        servers.append(Server(*arguments, **options))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


@pytest.fixture
def server(start: Callable[..., Server]) -> Server:
    return start()


def test_everything_that_is_wrong_at_once(server: Server) -> None:
    server.initialize()
    server.write(b"content-length: 3\r\n\r\n{]}")
    assert server.read()["error"]["code"] == -32700
    server.write(b"Content-Length: 100000000000\r\n\r\n")
    refused = server.read()["error"]
    assert "100000000000" in refused["message"]
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    peak_kb = int(status.split("VmHWM:")[1].split()[0])
    assert peak_kb < 500_000
    server.send({"id": 2, "method": "midfill/none"})
    assert server.read()["error"]["code"] == -32601
    server.send({"id": 3, "method": "textDocument/inlineCompletion", "params": {}})
    assert server.read()["error"]["code"] == -32602
    server.send({"id": 4, "method": "shutdown"})
    assert server.read() == {"jsonrpc": "2.0", "id": 4, "result": None}
    server.send({"method": "exit"})
    assert server.process.wait(GIVE_UP_S) == 0


def test_exit_without_shutdown_is_1_though_stdin_stays_open(server: Server) -> None:
    server.initialize()
    server.send({"method": "exit"})
    assert server.process.wait(GIVE_UP_S) == 1


def test_the_end_of_stdin_ends_it(server: Server) -> None:
    server.initialize()
    assert server.end()[0] == 1


def test_sigterm_ends_it_though_stdin_stays_open(server: Server) -> None:
    server.initialize()
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(GIVE_UP_S) == 1


def test_sigterm_ends_it_though_nobody_reads_what_it_writes(server: Server) -> None:
    server.initialize()
    assert server.process.stdin is not None
    os.set_blocking(server.process.stdin.fileno(), False)
    body = json.dumps({"jsonrpc": "2.0", "id": "i" * 100_000, "method": "midfill/none"}).encode()
    data, deadline = b"Content-Length: %d\r\n\r\n%s" % (len(body), body), time.monotonic() + GIVE_UP_S
    idle = 0
    while idle < 20 and time.monotonic() < deadline:  # until the server takes no more
        try:
            written = os.write(server.process.stdin.fileno(), data)
            data, idle = data[written:] + data[:written], 0
        except BlockingIOError:
            idle += 1
            time.sleep(0.02)
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(GIVE_UP_S) == 1


def test_an_editor_that_goes_away_ends_it(server: Server) -> None:
    server.initialize()
    assert server.process.stdout is not None
    server.process.stdout.close()
    server.send({"id": 2, "method": "midfill/none"})
    assert server.process.wait(GIVE_UP_S) == 1


def test_stdin_may_be_a_file(tmp_path: Path, start: Callable[..., Server]) -> None:
    body = b'{"jsonrpc": "2.0", "id": 1, "method": "shutdown"}'
    (tmp_path / "in").write_bytes(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
    with (tmp_path / "in").open("rb") as file:
        server = start(stdin=file)
        assert server.read()["error"]["code"] == -32002
        assert server.end()[0] == 1


def test_what_is_printed_does_not_reach_the_editor(start: Callable[..., Server]) -> None:
    server = start(
        "from lsp_server import stdio\n"
        "claim = stdio.claim\n"
        "def claimed():\n"
        "    descriptors = claim()\n"
        "    import os\n"
        "    print('stray', flush=True); os.system('echo stray child')\n"
        "    return descriptors\n"
        "stdio.claim = claimed\n"
    )
    assert server.initialize()["id"] == 1
    code, errors = server.end()
    assert code == 1
    assert "stray\n" in errors and "stray child\n" in errors


def test_neither_torch_nor_numpy_is_loaded_and_no_text_is_logged(start: Callable[..., Server]) -> None:
    server = start("import atexit\natexit.register(lambda: print(*sorted(sys.modules), file=sys.stderr))")
    server.initialize()
    document = {"uri": "file:///a.py", "languageId": "python", "version": 1, "text": "CANARY = "}
    server.send({"method": "textDocument/didOpen", "params": {"textDocument": document}})
    server.send({"method": "textDocument/didChange", "params": {"textDocument": "CANARY"}})
    server.send({"id": 2, "method": "textDocument/inlineCompletion", "params": {"position": "CANARY"}})
    assert server.read()["error"]["code"] == -32602
    code, errors = server.end()
    assert code == 1
    modules = errors.splitlines()[-1].split()
    assert "pygls" in modules
    assert not {"torch", "numpy", "tokenizers", "safetensors"}.intersection(modules)
    assert "CANARY" not in errors


def test_it_speaks_over_a_socket_too() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        process = subprocess.Popen(
            [sys.executable, "-c", SERVER.format("")],
            stdin=theirs,
            stdout=theirs,
            stderr=subprocess.DEVNULL,
            cwd=Path(__file__).parents[2],
        )
        theirs.close()
        ours.settimeout(GIVE_UP_S)
        ours.sendall(b"Content-Length: 5\r\n\r\n[1,2]")
        reply = b""
        while b"\r\n\r\n" not in reply or not reply.endswith(b"}"):
            reply += ours.recv(4096)
        assert b"-32600" in reply
        ours.shutdown(socket.SHUT_WR)
        assert process.wait(GIVE_UP_S) == 1
