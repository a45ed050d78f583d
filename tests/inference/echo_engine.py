"""An engine that says the prompt's prefix, one word a step."""

import threading
from collections import deque
from dataclasses import dataclass

from inference.messages import Odds, Statistics
from inference.request import DoneEvent, ErrorEvent, Event, Request, RequestError, StopReason, TextEvent

ZERO = Statistics(1, 0, 0, 0.0, 0.0, 0.0, 0.0)


@dataclass(frozen=True, slots=True)
class EchoModel:
    name: str = "echo"
    device: str = "cpu"
    context_length: int = 128


class EchoEngine:
    """`pause` holds it before a step. A prefix "refuse" is refused, a word "fail" fails its request."""

    def __init__(self) -> None:
        self.model = EchoModel()
        self.calibration = (Odds(0.25, 0.5),)
        self.lock = threading.Lock()
        self.words: dict[int, deque[str]] = {}
        self.aborted: list[tuple[int, StopReason]] = []
        self.requests: list[Request] = []
        self.steps = 0
        self.pause = threading.Event()
        self.pause.set()
        self.broken = False

    @property
    def has_work(self) -> bool:
        with self.lock:
            return bool(self.words or self.aborted)

    def submit(self, request: Request) -> None:
        if request.prompt.prefix == "refuse":
            raise RequestError("invalid", "the prompt is refused")
        with self.lock:
            self.requests.append(request)
            self.words[request.key] = deque(request.prompt.prefix.split())

    def abort(self, key: int, reason: StopReason = "aborted") -> None:
        with self.lock:
            if key in self.words:
                self.aborted.append((key, reason))

    def step(self) -> list[Event]:
        self.pause.wait()
        if self.broken:
            raise RuntimeError("out of order")
        with self.lock:
            self.steps += 1
            events: list[Event] = []
            for key, reason in self.aborted:
                del self.words[key]
                events.append(DoneEvent(key, reason, ZERO))
            self.aborted = []
            for key, words in list(self.words.items()):
                if not words:
                    del self.words[key]
                    events.append(DoneEvent(key, "eot", ZERO))
                elif words[0] == "fail":
                    del self.words[key]
                    events.append(ErrorEvent(key, "internal", "failed on demand"))
                else:
                    events.append(TextEvent(key, words.popleft()))
            return events
