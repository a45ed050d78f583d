"""The one thread that computes. It loads the model, then steps the engine for as long as there is work."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from inference.messages import Odds, Statistics
from inference.model import ModelError
from inference.request import DoneEvent, ErrorEvent, Event, Request, RequestError, StopReason

log = logging.getLogger(__name__)


class LoadedModel(Protocol):
    """What a worker tells of its model."""

    @property
    def name(self) -> str: ...

    @property
    def device(self) -> str: ...

    @property
    def context_length(self) -> int: ...


class Engine(Protocol):
    """What a worker needs of engine.Engine."""

    @property
    def model(self) -> LoadedModel: ...

    @property
    def calibration(self) -> tuple[Odds, ...]: ...

    @property
    def has_work(self) -> bool: ...

    def submit(self, request: Request) -> None: ...

    def abort(self, key: int, reason: StopReason = "aborted") -> None: ...

    def step(self) -> list[Event]: ...


class Listener(Protocol):
    """Who hears from the thread. Each method is called in whichever thread has the news."""

    def loaded(self, model: LoadedModel, calibration: tuple[Odds, ...]) -> None: ...

    def failed(self, error: Exception) -> None:
        """The model cannot be loaded (ModelError), or the engine is broken; the thread has ended."""
        ...

    def happened(self, events: list[Event]) -> None: ...


class EngineThread:
    """`submit` and `abort` come from the main thread, before the model is loaded too: requests wait here."""

    def __init__(self, load: Callable[[], Engine], listener: Listener) -> None:
        self._load = load
        self._listener = listener
        # Daemonic: loading cannot be interrupted, and must not keep a worker alive that nobody wants.
        self._thread = threading.Thread(target=self._run, name="engine", daemon=True)
        self._changed = threading.Condition()  # guards all below
        self._engine: Engine | None = None
        self._waiting: dict[int, tuple[Request, float]] = {}  # by key, with the time of arrival
        self._waited_ms: dict[int, float] = {}  # of requests that waited for the model, until they end
        self._stopping = False

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """The thread ends after its current step, and from now on the listener hears nothing of it."""
        with self._changed:
            self._stopping = True
            self._changed.notify()

    def join(self, timeout_s: float) -> bool:
        """Whether the thread ends within `timeout_s`."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def submit(self, request: Request) -> None:
        """Takes a request in. A refusal comes as an ErrorEvent."""
        with self._changed:
            if self._engine is None:
                self._waiting[request.key] = (request, time.perf_counter())
                return
            self._submit_now(self._engine, request)
            self._changed.notify()

    def abort(self, key: int, reason: StopReason) -> None:
        """Takes effect before the next step; at once while the model loads."""
        with self._changed:
            if self._engine is not None:
                self._engine.abort(key, reason)
                self._changed.notify()
            elif key in self._waiting:
                _request, arrived = self._waiting.pop(key)
                waited_ms = (time.perf_counter() - arrived) * 1000
                statistics = Statistics(0, 0, 0, waited_ms, 0.0, 0.0, waited_ms)
                self._listener.happened([DoneEvent(key, reason, statistics)])

    def _submit_now(self, engine: Engine, request: Request) -> None:
        try:
            engine.submit(request)
        except RequestError as error:
            self._listener.happened([ErrorEvent(request.key, error.code, str(error))])

    def _run(self) -> None:
        try:
            engine = self._load()
            self._begin(engine)
            while self._wait_for_work(engine):
                self._tell(engine.step())
        except ModelError as error:
            log.error("%s", error)
            self._fail(error)
        except Exception as error:  # whatever it was, clients must hear of it
            log.exception("the engine broke")
            self._fail(error)

    def _begin(self, engine: Engine) -> None:
        with self._changed:
            if self._stopping:
                return
            self._engine = engine
            self._listener.loaded(engine.model, engine.calibration)
            now = time.perf_counter()
            for request, arrived in self._waiting.values():
                self._waited_ms[request.key] = (now - arrived) * 1000
                self._submit_now(engine, request)
            self._waiting.clear()

    def _wait_for_work(self, engine: Engine) -> bool:
        """Whether to go on."""
        with self._changed:
            self._changed.wait_for(lambda: self._stopping or engine.has_work)
            return not self._stopping

    def _tell(self, events: list[Event]) -> None:
        with self._changed:
            if events and not self._stopping:
                self._listener.happened([self._with_waiting_time(event) for event in events])

    def _fail(self, error: Exception) -> None:
        with self._changed:
            if not self._stopping:
                self._listener.failed(error)

    def _with_waiting_time(self, event: Event) -> Event:
        """The engine's clock starts with `submit`; the user's started before."""
        if not isinstance(event, DoneEvent):
            return event
        waited_ms = self._waited_ms.pop(event.key, 0.0)
        if not waited_ms:
            return event
        own = event.statistics
        total = replace(
            own,
            queue_ms=own.queue_ms + waited_ms,
            ttft_ms=own.ttft_ms + waited_ms if own.ttft_ms else 0.0,
            total_ms=own.total_ms + waited_ms,
        )
        return replace(event, statistics=total)
