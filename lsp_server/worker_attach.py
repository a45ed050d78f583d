"""From a WorkerCommand to a connection that has been welcomed, starting the worker if there is none."""

import asyncio
import os
import socket
import subprocess
from dataclasses import dataclass
from pathlib import Path

from inference.messages import (
    PROTOCOL_VERSION,
    Error,
    Hello,
    Message,
    ProtocolError,
    Status,
    StatusRequest,
    Welcome,
)
from inference.transport import (
    Channel,
    ChannelClosed,
    UnsafeDirectoryError,
    is_same_user,
    lock_path,
    lock_signature,
    peer_credentials,
    try_lock,
)
from lsp_server import __version__
from lsp_server.worker_process import (
    ModelPathError,
    WorkerCommand,
    describe_end,
    start_private,
    start_shared,
)

START_TIMEOUT_S = 30.0
"""From the start of the process to its socket: importing Python modules, on a machine that is busy."""

WELCOME_TIMEOUT_S = 30.0
"""Loading torch from a cold disk holds Python's lock for seconds; no thread of the worker runs meanwhile."""


class WorkerFailure(Exception):  # noqa: N818 - it happens to the worker
    """No worker, or no longer. `cure` tells the user what to do; `is_final`: trying again cannot help."""

    def __init__(
        self, message: str, *, cure: str = "", code: str = "internal", is_final: bool = False
    ) -> None:
        super().__init__(message)
        self.cure = cure
        self.code = code
        self.is_final = is_final


@dataclass(frozen=True, slots=True)
class Connection:
    """A worker that said Welcome. `process` is set if this link started it."""

    channel: Channel
    welcome: Welcome
    process: subprocess.Popen[bytes] | None

    async def close(self, *, private: bool, patience_s: float = 3.0) -> None:
        """Leaves a shared worker to the others; sees a private one to its end."""
        await self.channel.close()
        if private and self.process is not None:
            await _see_end(self.process, patience_s)


async def attach(
    command: WorkerCommand,
    *,
    start_timeout_s: float = START_TIMEOUT_S,
    welcome_timeout_s: float = WELCOME_TIMEOUT_S,
) -> Connection:
    """Connects, starting a worker if none runs, and shakes hands. Raises WorkerFailure."""
    process: subprocess.Popen[bytes] | None = None
    try:
        if command.private:
            process, sock = start_private(command)
        else:
            sock, process = await _meet(command, start_timeout_s)
    except ModelPathError as error:
        raise _no_such_model(error) from error
    except (OSError, UnsafeDirectoryError) as error:
        # Too few descriptors or processes, or a full disk, may pass; a missing program does not come back.
        stays = isinstance(error, UnsafeDirectoryError | FileNotFoundError | PermissionError)
        raise WorkerFailure(f"cannot start the worker: {error}", is_final=stays) from error
    pid = process.pid if process is not None else _peer_pid(sock)
    channel = await Channel.adopt(sock)
    try:
        async with asyncio.timeout(welcome_timeout_s):
            welcome = await _shake_hands(channel, command)
    except BaseException as error:
        channel.abort()
        await channel.close()
        failure = _explain(error, command, pid, process)
        if process is not None and command.private:
            await _see_end(process, 0.0)
        if failure is None:
            raise
        raise failure from error
    return Connection(channel, welcome, process)


async def ask_status(command: WorkerCommand, *, timeout_s: float = 5.0) -> Status | None:
    """The status of the shared worker, or None if none runs; starts nothing. Raises WorkerFailure."""
    try:
        sock = _connect(command.socket)
    except ModelPathError as error:
        raise _no_such_model(error) from error
    except (OSError, UnsafeDirectoryError) as error:
        raise WorkerFailure(f"cannot reach the worker: {error}", is_final=True) from error
    if sock is None:
        return None
    pid = _peer_pid(sock)
    channel = await Channel.adopt(sock)
    try:
        async with asyncio.timeout(timeout_s):
            await _shake_hands(channel, command)
            await channel.send(StatusRequest(1))
            while True:
                message = await channel.receive()
                if isinstance(message, Status):
                    return message
    except (TimeoutError, ChannelClosed, ProtocolError) as error:
        raise _explain(error, command, pid, None) or error from error
    finally:
        await channel.close()


async def _meet(
    command: WorkerCommand, timeout_s: float
) -> tuple[socket.socket, subprocess.Popen[bytes] | None]:
    """Polls the socket, and starts a worker the moment nobody holds the lock: a lock that is held without a
    socket is a worker coming or going."""
    path = command.socket
    process: subprocess.Popen[bytes] | None = None
    pause_s = 0.01
    try:
        async with asyncio.timeout(timeout_s):
            while (sock := _connect(path)) is None:
                if process is None:
                    process = _start_if_alone(command, path)
                elif end := describe_end(process):
                    raise WorkerFailure(f"the worker ended at its start ({end})", cure=command.see_log)
                await asyncio.sleep(pause_s)
                pause_s = min(pause_s * 1.5, 0.1)
    except BaseException as error:
        if not isinstance(error, TimeoutError):
            raise
        holder = process.pid if process is not None else lock_signature(lock_path(path))
        raise WorkerFailure(
            f"the worker (process {holder or 'unknown'}) accepts no connection after {timeout_s:g} s",
            cure=(f"end process {holder}; " if holder else "") + command.see_log,
        ) from error
    if not is_same_user(sock):
        sock.close()
        raise WorkerFailure(
            f"the worker's socket {path} was opened by another user", cure=f"remove {path}", is_final=True
        )
    return sock, process


def _start_if_alone(command: WorkerCommand, path: Path) -> subprocess.Popen[bytes] | None:
    lock = try_lock(lock_path(path))
    if lock is None:
        return None
    try:
        return start_shared(command, path, lock)
    finally:
        os.close(lock)


def _connect(path: Path) -> socket.socket | None:
    """The connected socket; None if nobody listens, or a worker's queue of connections is full."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    sock.setblocking(False)  # a unix socket connects at once or not at all
    try:
        sock.connect(os.fspath(path))
    except (FileNotFoundError, ConnectionRefusedError, BlockingIOError):
        sock.close()
        return None
    except OSError:
        sock.close()
        raise
    return sock


def _no_such_model(error: ModelPathError) -> WorkerFailure:
    return WorkerFailure(str(error), cure="give the model's whole path", code="model", is_final=True)


def refused(error: Error, command: WorkerCommand) -> WorkerFailure:
    """What an Error about the whole connection means: a broken model or a wrong version stays so."""
    cure = command.see_log
    if error.code == "model":
        cure = f"choose another model, or mend this one; {cure}"
    return WorkerFailure(
        error.message, cure=cure, code=error.code, is_final=error.code in ("protocol", "model")
    )


async def _shake_hands(channel: Channel, command: WorkerCommand) -> Welcome:
    await channel.send(Hello(PROTOCOL_VERSION, f"midfill {__version__}"))
    answer: Message = await channel.receive()
    if isinstance(answer, Error):
        raise refused(answer, command)
    if not isinstance(answer, Welcome):
        raise ProtocolError(f"{type(answer).__name__} in place of Welcome")
    if answer.version != PROTOCOL_VERSION:
        raise WorkerFailure(
            f"the worker speaks version {answer.version} of the protocol, this server {PROTOCOL_VERSION}",
            code="protocol",
            is_final=True,
        )
    return answer


def _explain(
    error: BaseException, command: WorkerCommand, pid: int, process: subprocess.Popen[bytes] | None
) -> WorkerFailure | None:
    """What an error of the handshake means to the user; None if it is none (a cancellation)."""
    if isinstance(error, WorkerFailure):
        if error.code == "protocol":
            error.cure = (
                f"another version of Midfill runs: end its worker (process {pid}), and restart the editor"
            )
        return error
    if isinstance(error, TimeoutError):
        return WorkerFailure(
            f"the worker (process {pid}) does not answer", cure=f"end process {pid}; {command.see_log}"
        )
    if isinstance(error, ChannelClosed):
        end = describe_end(process) if process is not None else ""
        return WorkerFailure(
            f"the worker ended before it answered{end and f' ({end})'}", cure=command.see_log
        )
    if isinstance(error, ProtocolError):
        return WorkerFailure(f"the worker sent what is no message: {error}", cure=command.see_log)
    return None


def _peer_pid(sock: socket.socket) -> int:
    """0 if it hung up already."""
    try:
        return peer_credentials(sock)[0]
    except OSError:
        return 0


async def _see_end(process: subprocess.Popen[bytes], patience_s: float) -> None:
    """Waits for a process to end by itself, then ends it."""
    try:
        await asyncio.to_thread(process.wait, patience_s)
    except subprocess.TimeoutExpired:
        process.kill()
        await asyncio.to_thread(process.wait)
