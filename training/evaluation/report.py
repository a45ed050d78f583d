"""What a person reads of the figures."""

from __future__ import annotations

from typing import Any

WIDTH = 30


def bits(value: float) -> None:
    print(f"{'bits per byte, held out':{WIDTH}} {value:.3f}", flush=True)


def lines(kind: str, score: dict[str, Any]) -> None:
    name = f"{kind}, {score['cursors']} cursors"
    print(f"{name:{WIDTH}} exact {score['exact']:.1%}  similarity {score['similarity']:.1%}")
    print(f"{'  copying':{WIDTH}} exact {score['copy_exact']:.1%}  similarity {score['copy_similarity']:.1%}")
    print(f"{'  the better of both':{WIDTH}} exact {score['either_exact']:.1%}", flush=True)


def infilling(score: dict[str, Any]) -> None:
    name = f"HumanEval, {score['problems']} lines"
    print(
        f"{name:{WIDTH}} pass@1 {score['pass']:.1%}  exact {score['exact']:.1%}  network: {score['network']}"
    )
    print(f"{'  bare prompt':{WIDTH}} pass@1 {score['bare_pass']:.1%}")
    print(f"{'  blank line':{WIDTH}} pass@1 {score['blank_pass']:.1%}", flush=True)
