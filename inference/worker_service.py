"""What a worker does for its clients: greets them, hands their requests to the engine, streams back."""

import asyncio
import itertools
import logging
import os
import socket
import time
from collections.abc import Callable
from pathlib import Path

from inference.client import Client, message_of
from inference.engine_thread import Engine, EngineThread, LoadedModel
from inference.messages import (
    PROTOCOL_VERSION,
    Abort,
    Done,
    Error,
    Generate,
    Hello,
    Message,
    Odds,
    ProtocolError,
    Status,
    StatusRequest,
    Welcome,
)
from inference.model import ModelError
from inference.request import Event
from inference.transport import Channel, ChannelClosed, is_same_user

log = logging.getLogger(__name__)

MAX_CLIENTS = 64
MAX_ACTIVE = 32
"""Generates under way for one client."""

MAX_QUEUED = 1 << 20
"""Bytes that may wait for a client that does not read; a whole completion is a few thousand."""

HELLO_TIMEOUT_S = 10.0
LINGER_S = 5.0
"""How long a worker whose model cannot be loaded stays to tell whoever started it."""

Load = Callable[[], Engine]


class WorkerService:
    """Lives in one event loop. `engine_thread` reports through the methods loaded, failed and happened."""

    def __init__(
        self, load: Load, *, model_name: str, idle_timeout_s: float, problem: Callable[[], str] = lambda: ""
    ) -> None:
        self.engine_thread = EngineThread(load, self)
        self._model_name = model_name
        self._idle_timeout_s = idle_timeout_s
        self._problem = problem
        self._started = time.monotonic()
        self._model: LoadedModel | None = None
        self._calibration: tuple[Odds, ...] = ()
        self._over = asyncio.Event()
        self._exit_code = 0
        self._failure: Error | None = None
        self._failure_code = 1
        self._numbers = itertools.count(1)
        self._keys = itertools.count(1)
        self._clients: set[Client] = set()
        self._owners: dict[
            int, tuple[Client, Generate]
        ] = {}  # of each request under way, by the engine's key
        self._conversations: set[asyncio.Task[None]] = set()
        self._idle: asyncio.TimerHandle | None = None

    async def serve_all(self, listening: socket.socket) -> int:
        """Serves whoever connects, until idle for long enough; the exit code."""
        self._begin()
        server = await asyncio.start_unix_server(self._connected, sock=listening)
        self._start_idle_timer()
        try:
            await self._over.wait()
            return self._exit_code
        finally:
            server.close()
            await self._hang_up()

    async def serve_one(self, connected: socket.socket) -> int:
        """Serves the one client of a private worker, until it is gone; the exit code."""
        self._begin()
        channel = await Channel.adopt(connected, max_queued=MAX_QUEUED)
        conversation = self._start_conversation(channel)
        conversation.add_done_callback(lambda _task: self.end(0))
        try:
            await self._over.wait()
            return self._exit_code
        finally:
            await self._hang_up()

    def end(self, code: int) -> None:
        """Ends the service, and the engine thread after its step; the first exit code stands."""
        if not self._over.is_set():
            self._exit_code = code
            self._over.set()

    # From the engine thread.

    def loaded(self, model: LoadedModel, calibration: tuple[Odds, ...]) -> None:
        self._loop.call_soon_threadsafe(self._on_loaded, model, calibration)

    def failed(self, error: Exception) -> None:
        self._loop.call_soon_threadsafe(self._on_failed, error)

    def happened(self, events: list[Event]) -> None:
        self._loop.call_soon_threadsafe(self._on_events, events)

    # In the event loop.

    def _begin(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.engine_thread.start()

    async def _hang_up(self) -> None:
        """Sends what is queued; a client that does not read it within a second is cut off. The engine thread,
        which may outlive the event loop, is silenced first."""
        self.engine_thread.stop()
        if self._idle is not None:
            self._idle.cancel()
        for conversation in self._conversations:
            conversation.cancel()
        await asyncio.gather(*self._conversations, return_exceptions=True)

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._start_conversation(Channel(reader, writer, max_queued=MAX_QUEUED), is_private=False)

    def _start_conversation(self, channel: Channel, *, is_private: bool = True) -> asyncio.Task[None]:
        conversation = self._loop.create_task(self._converse(channel, is_private))
        self._conversations.add(conversation)
        conversation.add_done_callback(self._conversations.discard)
        return conversation

    async def _converse(self, channel: Channel, is_private: bool) -> None:
        """One connection from Hello to its end. What it leaves unfinished is aborted."""
        client: Client | None = None
        try:
            self._check_admission(channel, is_private)
            async with asyncio.timeout(HELLO_TIMEOUT_S):
                self._check_hello(await channel.receive())
            if self._failure is not None:
                channel.post(self._failure)
                self.end(self._failure_code)
                return
            client = self._welcome(channel)
            while True:
                self._accept(client, await channel.receive())
        except _RefusedError as refusal:
            _tell(channel, refusal.error)
        except ProtocolError as error:
            log.warning("a client broke the protocol: %s", error)
            _tell(channel, Error(0, "protocol", str(error)[:1000]))
        except (ChannelClosed, OSError) as error:  # TimeoutError is an OSError
            log.info("a client is gone: %s", error or "no Hello in time")
        finally:
            if client is not None:
                self._forget(client)
            await channel.close()

    def _check_admission(self, channel: Channel, is_private: bool) -> None:
        if not is_private and not is_same_user(channel.peer()):
            raise _RefusedError("protocol", "this worker belongs to another user")
        if len(self._conversations) > MAX_CLIENTS:
            raise _RefusedError("overloaded", f"{MAX_CLIENTS} clients are connected already")

    def _check_hello(self, message: Message) -> None:
        if not isinstance(message, Hello):
            raise ProtocolError(f"{type(message).__name__} before Hello")
        if message.version != PROTOCOL_VERSION:
            raise _RefusedError(
                "protocol",
                f"the worker speaks version {PROTOCOL_VERSION} of the protocol, the client {message.version}",
            )

    def _welcome(self, channel: Channel) -> Client:
        client = Client(next(self._numbers), channel)
        model = self._model
        channel.post(
            Welcome(
                PROTOCOL_VERSION,
                model.name if model else self._model_name,
                model.device if model else "",
                os.getpid(),
                model.context_length if model else 0,
            )
        )
        self._clients.add(client)
        self._stop_idle_timer()
        log.info("client %d is here", client.number)
        return client

    def _forget(self, client: Client) -> None:
        self._clients.discard(client)
        for key in client.keys.values():
            del self._owners[key]
            self.engine_thread.abort(key, "aborted")
        client.keys.clear()
        if not self._clients:
            self._start_idle_timer()

    def _accept(self, client: Client, message: Message) -> None:
        match message:
            case Generate():
                self._generate(client, message)
            case Abort():
                if (key := client.keys.get(message.id)) is not None:
                    self.engine_thread.abort(key, "aborted")
            case StatusRequest():
                client.channel.post(self._status(message.id))
            case Error():
                raise ChannelClosed(f"it found fault with this worker: {message.message}")
            case _:
                raise ProtocolError(f"{type(message).__name__} is not for a worker")

    def _generate(self, client: Client, message: Generate) -> None:
        if message.id == 0 or message.id in client.keys:
            raise ProtocolError(f"Generate: id {message.id} is not free")
        older = client.documents.get(message.document)
        if older is not None:
            self.engine_thread.abort(client.keys[older], "superseded")
        elif len(client.keys) >= MAX_ACTIVE:
            client.channel.post(Error(message.id, "overloaded", f"{MAX_ACTIVE} requests are under way"))
            return
        key = next(self._keys)
        client.begin(message, key)
        self._owners[key] = (client, message)
        self.engine_thread.submit(client.request(message, key))

    def _status(self, identity: int) -> Status:
        model = self._model
        return Status(
            identity,
            "ready" if model else "loading",
            model.name if model else self._model_name,
            model.device if model else "",
            os.getpid(),
            time.monotonic() - self._started,
            len(self._clients),
            len(self._owners),
            _resident_bytes(),
            self._problem(),
            self._calibration,
        )

    def _on_loaded(self, model: LoadedModel, calibration: tuple[Odds, ...]) -> None:
        self._model, self._calibration = model, calibration
        log.info("model %s is ready on %s", model.name, model.device)
        for client in list(self._clients):
            self._post(client, self._status(0))

    def _on_failed(self, error: Exception) -> None:
        """Every client hears of it, and if none is there yet, the first one."""
        is_model = isinstance(error, ModelError)
        text = str(error) if is_model else f"the engine broke: {type(error).__name__}: {error}"
        self._failure = Error(0, "model" if is_model else "internal", text[:4096])
        self._failure_code = 2 if is_model else 1
        for client in list(self._clients):
            self._post(client, self._failure)
        self._loop.call_later(0 if self._clients else LINGER_S, self.end, self._failure_code)

    def _on_events(self, events: list[Event]) -> None:
        for event in events:
            client, request = self._owners.get(event.key, (None, None))
            if client is None or request is None:
                continue  # the client is gone
            message = message_of(event, request.id)
            if isinstance(message, Done | Error):
                del self._owners[event.key]
                client.end(request.id, request.document)
            self._post(client, message)

    def _post(self, client: Client, message: Message) -> None:
        """A client that does not read loses its connection, and nobody else notices."""
        try:
            client.channel.post(message)
        except ChannelClosed as error:
            log.warning("client %d is dropped: %s", client.number, error)
            client.channel.abort()  # its conversation ends by itself

    def _start_idle_timer(self) -> None:
        if self._idle is None:
            self._idle = self._loop.call_later(self._idle_timeout_s, self.end, 0)

    def _stop_idle_timer(self) -> None:
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None


class _RefusedError(Exception):
    """Ends a connection with an Error, whose code and text these are."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.error = Error(0, code, message)


def _tell(channel: Channel, error: Error) -> None:
    """The last words, to a client that may not be there to hear them."""
    try:
        channel.post(error)
    except ChannelClosed as closed:
        log.info("a client left before it heard '%s': %s", error.message, closed)


def _resident_bytes() -> int:
    """This process's memory; 0 where the system does not tell."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")
