"""The share of right answers as a function of their probability that only rises."""

from __future__ import annotations

from collections.abc import Sequence

BINS = 40


def isotonic(answers: Sequence[tuple[float, bool]], bins: int = BINS) -> list[tuple[float, float]]:
    """Points (probability, share right) between which to interpolate, both rising; none without answers.

    Answers are gathered in at most `bins` groups of nearly equal size, by probability; then neighbours whose
    shares fall are pooled until none do, which is the least squares fit (pool adjacent violators: Ayer et
    al., Annals of Mathematical Statistics 26, 1955).
    """
    ordered = sorted(answers)
    count = min(bins, len(ordered))
    groups = [ordered[len(ordered) * i // count : len(ordered) * (i + 1) // count] for i in range(count)]
    pools: list[tuple[float, float, int]] = []  # sum of probabilities, right ones, how many
    for group in groups:
        pool = sum(p for p, _ in group), float(sum(right for _, right in group)), len(group)
        while pools and pools[-1][1] / pools[-1][2] >= pool[1] / pool[2]:
            last = pools.pop()
            pool = last[0] + pool[0], last[1] + pool[1], last[2] + pool[2]
        pools.append(pool)
    return [(total / size, right / size) for total, right, size in pools]
