"""Greedy text of our engine beside another's: where they differ, and how near a tie that was."""

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Token:
    """One greedy choice; `margin` is how many nats likelier it was than the second choice."""

    token_id: int
    margin: float


@dataclass(frozen=True, slots=True)
class Row:
    """`agreed` of `tokens` come before the first difference of their prompt; `widest` is the largest margin
    that our network had where llama.cpp chose otherwise, in nats."""

    side: str
    prompts: int
    same: int
    tokens: int
    agreed: int
    widest: float


def compared(side: str, ours: list[list[Token]], theirs: list[list[int]]) -> Row:
    same = agreed = 0
    widest = 0.0
    for mine, other in zip(ours, theirs, strict=True):
        other = [*other, *[-1] * (len(mine) > len(other))]
        pairs = zip(mine, other, strict=False)
        first = next((n for n, (token, their) in enumerate(pairs) if token.token_id != their), len(mine))
        agreed += first
        if first < len(mine):
            widest = max(widest, mine[first].margin)
        else:
            same += 1
    return Row(side, len(ours), same, sum(map(len, ours)), agreed, widest)


def table(rows: list[Row]) -> str:
    lines = [
        "| greedy against our network | prompts the same | tokens before a difference | widest margin lost |"
    ]
    lines.append("|---|---|---|---|")
    for r in rows:
        lost = f"{r.widest:.3f} nats" if not math.isclose(r.widest, 0) else "none"
        lines.append(f"| {r.side} | {r.same} of {r.prompts} | {r.agreed} of {r.tokens} | {lost} |")
    return "\n".join(lines)
