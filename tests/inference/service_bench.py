"""A worker's service on a socket of its own, with an engine that echoes, and clients of it."""

import asyncio
import contextlib
import os
import socket
import threading
from collections.abc import Callable
from pathlib import Path

from inference.messages import PROTOCOL_VERSION, Generate, Hello, Message, Status, StatusRequest, Welcome
from inference.transport import Channel, ChannelClosed
from inference.worker_service import WorkerService
from tests.inference.echo_engine import EchoEngine

GIVE_UP_S = 120.0


class Bench:
    """A service on a socket of its own, and clients of it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.engine = EchoEngine()
        self.may_load = threading.Event()
        self.may_load.set()
        self.load_error: Exception | None = None
        self.problem = ""
        self.channels: list[Channel] = []
        self.exit_code: asyncio.Future[int] | None = None

    def load(self) -> EchoEngine:
        self.may_load.wait()
        if self.load_error is not None:
            raise self.load_error
        return self.engine

    def service(self, idle_timeout_s: float = 3600.0) -> WorkerService:
        return WorkerService(
            self.load, model_name="echo?", idle_timeout_s=idle_timeout_s, problem=lambda: self.problem
        )

    async def start(self, idle_timeout_s: float = 3600.0) -> WorkerService:
        service = self.service(idle_timeout_s)
        listening = socket.socket(socket.AF_UNIX)
        listening.bind(os.fspath(self.path))
        listening.listen()
        self.exit_code = asyncio.ensure_future(service.serve_all(listening))
        self.running = service
        return service

    async def connect(self) -> Channel:
        sock = socket.socket(socket.AF_UNIX)
        sock.setblocking(False)
        sock.connect(os.fspath(self.path))
        channel = await Channel.adopt(sock)
        self.channels.append(channel)
        return channel

    async def greeted(self) -> Channel:
        channel = await self.connect()
        await channel.send(Hello(PROTOCOL_VERSION, "test"))
        assert isinstance(await receive(channel), Welcome)
        return channel

    async def ready(self) -> Channel:
        """A client that knows the model is loaded."""
        channel = await self.greeted()
        while True:
            await channel.send(StatusRequest(0))
            status = await receive(channel)
            assert isinstance(status, Status)
            if status.state == "ready":
                return channel

    async def code(self) -> int:
        assert self.exit_code is not None
        async with asyncio.timeout(GIVE_UP_S):
            return await asyncio.shield(self.exit_code)


async def receive(channel: Channel) -> Message:
    async with asyncio.timeout(GIVE_UP_S):
        return await channel.receive()


async def receive_but_status(channel: Channel) -> Message:
    """The next message that is not the worker's own news of its model."""
    while isinstance(message := await receive(channel), Status):
        pass
    return message


async def is_cut_off(channel: Channel) -> bool:
    with contextlib.suppress(ChannelClosed):
        while True:
            await receive(channel)
    return True


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(GIVE_UP_S):
        while not condition():
            await asyncio.sleep(0.002)


def ask(identity: int, prefix: str, document: str = "") -> Generate:
    return Generate(identity, document, "a.py", "python", prefix, "")
