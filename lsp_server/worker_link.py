"""The server's link to its worker: attaches or starts it, restarts it with growing pauses, gives up loudly.

Promises to whoever calls `generate`: every Generation ends, once. A worker that is dead, silent, misbehaving
or not started yet makes it end with an error; the status callback says what is wrong and how to mend it.
"""

import asyncio
import contextlib
import itertools
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from inference.messages import (
    Abort,
    Chunk,
    Done,
    Error,
    Generate,
    Message,
    Odds,
    ProtocolError,
    Status,
    StatusRequest,
)
from inference.transport import ChannelClosed
from lsp_server.backoff import Backoff
from lsp_server.generation import LAST_WORD_S, Generation
from lsp_server.settings import Settings
from lsp_server.surrogates import well_formed
from lsp_server.worker_attach import (
    START_TIMEOUT_S,
    WELCOME_TIMEOUT_S,
    Connection,
    WorkerFailure,
    ask_status,
    attach,
    refused,
)
from lsp_server.worker_process import WorkerCommand, describe_end

log = logging.getLogger(__name__)

LinkState = Literal["starting", "ready", "busy", "error"]


@dataclass(frozen=True, slots=True)
class LinkStatus:
    """What the user should know. `cure` says what to do about an error, "" otherwise."""

    state: LinkState
    message: str = ""
    model: str = ""
    device: str = ""
    cure: str = ""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long the link waits, in seconds, before it calls a worker dead."""

    start_s: float = START_TIMEOUT_S
    welcome_s: float = WELCOME_TIMEOUT_S
    silence_s: float = 5.0
    """With a generation under way and nothing heard for this long, the worker is asked for its status."""
    status_s: float = WELCOME_TIMEOUT_S
    """For that answer. The worker's main thread never computes, so it can answer as soon as it can greet."""
    last_word_s: float = LAST_WORD_S


class WorkerLink:
    """Belongs to the event loop that `start` is called in. `on_status` is called there on every change."""

    def __init__(
        self,
        command: WorkerCommand,
        on_status: Callable[[LinkStatus], None],
        *,
        patience: Patience | None = None,
        backoff: Callable[[], Backoff] = Backoff,
    ) -> None:
        self._command = command
        self._on_status = on_status
        self._patience = patience or Patience()
        self._new_backoff = backoff
        self._ids = itertools.count(1)
        self._connection: Connection | None = None
        self._generations: dict[int, Generation] = {}
        self._cancelled: dict[int, Generation] = {}  # the worker has not said its last word on them
        self._questions: dict[int, asyncio.Future[Status]] = {}
        self._supervisor: asyncio.Task[None] | None = None
        self._status = LinkStatus("starting", "the worker is not started")
        self._settled = asyncio.Event()
        self._wanted = asyncio.Event()
        self._worker_status: Status | None = None

    @property
    def current(self) -> LinkStatus:
        """The last status told."""
        return self._status

    @property
    def calibration(self) -> tuple[Odds, ...]:
        """The model's; () until it is loaded, and where it has none."""
        return self._worker_status.calibration if self._worker_status is not None else ()

    async def start(self) -> None:
        """Returns at once; the worker comes up in the background. After an error, tries again."""
        if self._supervisor is None or self._supervisor.done():
            self._tell(LinkStatus("starting", "starting the worker"))
            self._supervisor = asyncio.create_task(self._supervise(), name="worker link")

    async def settled(self) -> LinkStatus:
        """Waits until the model is ready, or the link has given up."""
        await self._settled.wait()
        return self._status

    def generate(self, request: Generate) -> Generation:
        """Sends a request, whose id the link assigns. While the model loads it waits in the worker."""
        identity = next(self._ids)
        if self._connection is None:
            code = "model" if self._status.state == "error" else "internal"
            return Generation.failed(Error(identity, code, self._status.message))
        request = _without_surrogates(replace(request, id=identity))
        generation = Generation(identity, self._abort, self._patience.last_word_s)
        try:
            self._connection.channel.post(request)
        except ProtocolError as error:
            return Generation.failed(Error(identity, "invalid", str(error)))
        except ChannelClosed as error:
            return Generation.failed(Error(identity, "overloaded", str(error)))
        self._generations[identity] = generation
        self._wanted.set()
        self._tell_activity()
        return generation

    async def status(self) -> Status | None:
        """The worker's own status, or None if it is not there or does not answer."""
        if self._connection is None:
            return None
        identity = next(self._ids)
        answer: asyncio.Future[Status] = asyncio.get_running_loop().create_future()
        self._questions[identity] = answer
        try:
            async with asyncio.timeout(self._patience.status_s):
                await self._connection.channel.send(StatusRequest(identity))
                return await answer
        except (TimeoutError, ChannelClosed):
            return None
        finally:
            del self._questions[identity]

    async def close(self) -> None:
        """Leaves a shared worker running, ends a private one."""
        self._end_all("the server is closing")
        if self._supervisor is not None:
            self._supervisor.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._supervisor

    async def _supervise(self) -> None:
        backoff = self._new_backoff()
        while True:
            try:
                await self._run_once(backoff)
            except WorkerFailure as failure:
                log.warning("worker: %s", failure)
                pause_s = None if failure.is_final else backoff.after_failure(time.monotonic())
                if pause_s is None:
                    self._give_up(failure)
                    return
                self._tell(LinkStatus("starting", f"{failure}; starting it again in {pause_s:g} s"))
                await asyncio.sleep(pause_s)
            except Exception as error:  # a mistake of ours must not leave the editor with a silent link
                log.exception("the link to the worker broke")
                self._connection = None
                self._end_all(f"the link to the worker broke: {error}")
                self._give_up(WorkerFailure(f"the link to the worker broke: {error!r}", is_final=True))
                return

    async def _run_once(self, backoff: Backoff) -> None:
        """One worker from its start to its end, which is always a WorkerFailure."""
        connection = await attach(
            self._command, start_timeout_s=self._patience.start_s, welcome_timeout_s=self._patience.welcome_s
        )
        self._connection = connection
        self._worker_status = None
        try:
            self._tell(LinkStatus("starting", "loading the model", connection.welcome.model))
            await self._serve(connection, backoff)
        except WorkerFailure as failure:
            self._connection = None
            self._end_all(str(failure))  # before the goodbyes, which may take seconds
            raise
        finally:
            self._connection = None
            await connection.close(private=self._command.private)

    async def _serve(self, connection: Connection, backoff: Backoff) -> None:
        tasks = [
            asyncio.create_task(self._receive(connection, backoff)),
            asyncio.create_task(self._watch()),
        ]
        try:
            connection.channel.post(StatusRequest(0))
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in tasks:
                if task.done():
                    task.result()
        except ChannelClosed as error:
            raise self._lost(connection, error) from error
        except ProtocolError as error:
            with contextlib.suppress(ChannelClosed):
                connection.channel.post(Error(0, "protocol", str(error)[:1000]))
            raise WorkerFailure(
                f"the worker broke the protocol: {error}", cure=self._command.see_log
            ) from error
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _receive(self, connection: Connection, backoff: Backoff) -> None:
        while True:
            message = await connection.channel.receive()
            self._accept(message)
            if isinstance(message, Done):
                backoff.after_success()

    def _accept(self, message: Message) -> None:
        match message:
            case Status(id=0):
                self._take_status(message)
            case Status():
                if (question := self._questions.get(message.id)) is not None and not question.done():
                    question.set_result(message)
            case Error(id=0):
                raise refused(message, self._command)
            case Chunk():
                if (generation := self._generations.get(message.id)) is not None:
                    generation.accept(message)
            case Done() | Error():
                if (generation := self._generations.pop(message.id, None)) is not None:
                    generation.accept(message)
                    self._tell_activity()
                elif (generation := self._cancelled.pop(message.id, None)) is not None:
                    generation.accept(message)
            case _:
                raise ProtocolError(f"{type(message).__name__} is not for a client")

    async def _watch(self) -> None:
        """Finds the worker that is alive but stopped, and would keep its clients waiting for ever."""
        while True:
            await self._wanted.wait()
            await asyncio.sleep(self._patience.silence_s)
            if not self._generations and not self._cancelled:
                self._wanted.clear()
            elif await self.status() is None:
                pid = self._connection.welcome.pid if self._connection else 0
                raise WorkerFailure(
                    f"the worker (process {pid}) does not answer",
                    cure=f"end process {pid}; {self._command.see_log}",
                )

    def _take_status(self, status: Status) -> None:
        self._worker_status = status
        self._tell_activity()

    def _abort(self, identity: int) -> None:
        """For Generation.cancel. The worker's Done is for `outcome` alone."""
        generation = self._generations.pop(identity, None)
        if generation is not None:
            self._cancelled[identity] = generation
        if self._connection is not None:
            with contextlib.suppress(ChannelClosed):  # then the request has ended with it
                self._connection.channel.post(Abort(identity))
            self._tell_activity()

    def _lost(self, connection: Connection, error: ChannelClosed) -> WorkerFailure:
        end = describe_end(connection.process) if connection.process is not None else ""
        reason = end or str(error)
        return WorkerFailure(f"the worker is gone ({reason})", cure=self._command.see_log)

    def _end_all(self, reason: str) -> None:
        generations = self._generations | self._cancelled
        self._generations, self._cancelled = {}, {}
        for identity, generation in generations.items():
            generation.accept(Error(identity, "internal", reason[:4096]))

    def _give_up(self, failure: WorkerFailure) -> None:
        cure = failure.cure or self._command.see_log
        message = str(failure) if failure.is_final else f"{failure}; it failed too often and is left alone"
        model = self._status.model
        self._tell(
            LinkStatus("error", message, model=model, cure=f"{cure}; then restart the language server")
        )

    def _tell_activity(self) -> None:
        status = self._worker_status
        if self._connection is None or status is None or status.state != "ready":
            return
        state: LinkState = "busy" if self._generations else "ready"
        self._tell(LinkStatus(state, status.detail, status.model, status.device))

    def _tell(self, status: LinkStatus) -> None:
        if status.state == "starting":
            self._settled.clear()
        else:
            self._settled.set()
        if status != self._status:
            self._status = status
            self._on_status(status)


def connect_worker(settings: Settings, on_status: Callable[[LinkStatus], None]) -> WorkerLink:
    """The link that the settings ask for, not started."""
    command = WorkerCommand(
        model=settings.model, precision=settings.precision, private=settings.private_worker
    )
    return WorkerLink(command, on_status)


def _without_surrogates(request: Generate) -> Generate:
    """What a frame can carry of the request; the model sees U+FFFD for each half of a pair."""
    return replace(
        request,
        document=well_formed(request.document),
        path=well_formed(request.path),
        language=well_formed(request.language),
        prefix=well_formed(request.prefix),
        suffix=well_formed(request.suffix),
        snippets=tuple(
            replace(each, path=well_formed(each.path), text=well_formed(each.text))
            for each in request.snippets
        ),
        repository=well_formed(request.repository),
        stop=tuple(well_formed(each) for each in request.stop),
        salt=well_formed(request.salt),
    )


__all__ = [
    "Generation",
    "LinkStatus",
    "Patience",
    "WorkerCommand",
    "WorkerLink",
    "ask_status",
    "connect_worker",
]
