"""The results of all claims as a table, and the differences that decide."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean, stdev

from training.ablations.arm import Claim, Result
from training.ablations.setting import Setting

# Student's t, 97.5%, by degrees of freedom from 1: how many standard errors are more than chance.
CERTAIN = (12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26)
_HEADER = "| claim | arm | seed | tokens | FLOPs | middle, nats | rest of line | similarity | HumanEval | |"
_SCORES = {"middle": -1, "exact": 1, "similarity": 1, "humaneval": 1}  # 1: more is better


@dataclass(frozen=True, slots=True)
class Difference:
    """Treatment less control over seeds; `error` is the standard error of the mean, None of one seed."""

    mean: float
    error: float | None
    seeds: int

    @classmethod
    def of(cls, values: Sequence[float]) -> Difference:
        error = stdev(values) / len(values) ** 0.5 if len(values) > 1 else None
        return cls(mean(values), error, len(values))

    def sign(self) -> int:
        """1 or -1 of a mean that differs from none at 95%, else 0."""
        if self.error is None:
            return 0
        if abs(self.mean) <= CERTAIN[min(self.seeds - 1, len(CERTAIN)) - 1] * self.error:
            return 0
        return 1 if self.mean > 0 else -1

    def __str__(self) -> str:
        return f"{self.mean:+.4f} ± " + ("?" if self.error is None else f"{self.error:.4f}")


def differences(pairs: Sequence[tuple[Result, Result]]) -> dict[str, Difference]:
    """By score, for those that both arms have for every seed. Pairs are (control, treatment) of a seed."""
    found = {}
    for score in _SCORES:
        columns = [(getattr(control, score), getattr(treatment, score)) for control, treatment in pairs]
        values = [b - a for a, b in columns if a is not None and b is not None]
        if values and len(values) == len(pairs):
            found[score] = Difference.of(values)
    return found


def verdict(found: dict[str, Difference]) -> str:
    """Pays: a score is better by more than chance, and none is worse by more than chance."""
    signs = [_SCORES[score] * difference.sign() for score, difference in found.items()]
    if all(difference.error is None for difference in found.values()):
        return "one seed tells nothing"
    return "pays" if 1 in signs and -1 not in signs else "does not pay"


def table(setting: Setting, claims: Sequence[Claim], seeds: Sequence[int]) -> str:
    """What is finished, in Markdown."""
    lines = [_HEADER, "|---|---|--:|--:|--:|--:|--:|--:|--:|---|"]
    decisions: list[str] = []
    for claim in claims:
        pairs = []
        for seed in seeds:
            control, treatment = (arm.result(setting, seed) for arm in (claim.control, claim.treatment))
            for arm, result in ((claim.control, control), (claim.treatment, treatment)):
                if result:
                    lines.append(_row(claim.name, arm.name, seed, result))
            if control and treatment:
                pairs.append((control, treatment))
        if pairs:
            found = differences(pairs)
            scores = "  ".join(f"{score} {difference}" for score, difference in found.items())
            decisions.append(f"- {claim.name} (seeds: {len(pairs)}): {scores}: {verdict(found)}")
    return "\n".join([*lines, "", *decisions, ""])


def _row(claim: str, arm: str, seed: int, result: Result) -> str:
    def cell(value: float | None, form: str) -> str:
        return "" if value is None else format(value, form)

    notes = ", ".join(f"{name} {value:.4g}" for name, value in result.notes.items())
    return (
        f"| {claim} | {arm} | {seed} | {result.tokens / 1e6:.2f}M | {result.flops:.3g} "
        f"| {cell(result.middle, '.4f')} | {result.exact:.1%} | {result.similarity:.1%} "
        f"| {cell(result.humaneval, '.1%')} | {notes} |"
    )
