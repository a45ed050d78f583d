"""Half-open intervals of whole numbers, and sets of them."""

from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Interval:
    start: int
    end: int

    def __post_init__(self) -> None:
        if self.start > self.end:
            raise ValueError(f"an interval ends before it starts: {self.start}, {self.end}")

    def __len__(self) -> int:
        return self.end - self.start

    def __contains__(self, point: int) -> bool:
        return self.start <= point < self.end

    def overlaps(self, other: "Interval") -> bool:
        return self.start < other.end and other.start < self.end

    def is_empty(self) -> bool:
        return self.start == self.end

    def shifted(self, distance: int) -> "Interval":
        return Interval(self.start + distance, self.end + distance)


def merged(intervals: list[Interval]) -> list[Interval]:
    """The same points in as few intervals as can be, in order."""
    result: list[Interval] = []
    for interval in sorted(intervals):
        if result and interval.start <= result[-1].end:
            last = result.pop()
            interval = Interval(last.start, max(last.end, interval.end))
        result.append(interval)
    return result


def covered(intervals: list[Interval]) -> int:
    """How many points lie in at least one interval."""
    return sum(len(interval) for interval in merged(intervals))
