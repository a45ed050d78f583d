"""How long to wait before the worker is started again, and when to stop trying."""

from collections import deque
from dataclasses import dataclass, field


@dataclass(slots=True)
class Backoff:
    """The pause doubles from `first_s` to `longest_s`; `max_failures` within `window_s` are too many.

    Times are seconds of any one monotonic clock.
    """

    first_s: float = 0.2
    longest_s: float = 10.0
    max_failures: int = 5
    window_s: float = 60.0
    _pause_s: float = 0.0
    _failures: deque[float] = field(default_factory=deque)

    def after_failure(self, now_s: float) -> float | None:
        """The pause that this failure earns, or None: give up."""
        self._failures.append(now_s)
        while now_s - self._failures[0] > self.window_s:
            self._failures.popleft()
        if len(self._failures) >= self.max_failures:
            return None
        self._pause_s = min(self._pause_s * 2, self.longest_s) if self._pause_s else self.first_s
        return self._pause_s

    def after_success(self) -> None:
        """A worker that did its work: the next failure starts with the shortest pause. The failures of the
        last minute stay counted: a worker that dies on every second request must not go on for ever."""
        self._pause_s = 0.0
