"""Order statistics of a sample, for tables."""

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Summary:
    """Of `count` values, each percentile being one of them (nearest rank). All zero for none."""

    count: int
    median: float
    p95: float

    @classmethod
    def of(cls, values: list[float]) -> "Summary":
        ordered = sorted(values)
        return cls(len(ordered), nearest_rank(ordered, 0.5), nearest_rank(ordered, 0.95))


def nearest_rank(ordered: list[float], share: float) -> float:
    """The smallest value that at least `share` of the ascending values do not exceed; 0 for none."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else 0.0
