"""The load that is offered, what is made of it, and that the engine's own policy serves it best."""

import json
from dataclasses import dataclass
from typing import Any

import pytest

from benchmarks.scheduling import POLICIES, Wait, row, summary, typing
from benchmarks.step_grid import Grid
from inference.card import Card
from inference.tokenizer import Tokenizer

CARD = Card("m", "midfill-spm", prefix_tokens=320, suffix_tokens=96, max_new_tokens=40, stop_ids=(0,))
# A millisecond a step, 0.25 for a token of a prompt and 0.3 for one of an answer.
GRID = Grid((0, 1, 256), (0, 1, 48), [[0, 1.3, 15.4], [1.25, 1.55, 15.65], [65, 65.3, 79.4]])


@dataclass
class Like:
    vocab_size: int
    name: str = "m"
    device: str = "cpu"
    context_length: int = 512
    memory_bytes: int = 1


def test_costs_between_and_beyond_what_was_measured() -> None:
    assert GRID.cost(1, 0) == 1.25
    assert GRID.cost(0, 1) == 1.3
    assert GRID.cost(0, 24) == pytest.approx(1 + 0.3 * 24)
    assert GRID.cost(512, 96) == pytest.approx(1 + 0.25 * 512 + 0.3 * 96)


def test_typing_is_as_fast_as_asked_for_and_the_same_for_a_seed() -> None:
    acts = typing(rate=50.0, seconds=60.0, clients=16, seed=3)
    asked = [act for act in acts if act.request is not None]
    assert len(asked) == pytest.approx(3000, rel=0.15)
    assert {act.request.document for act in asked if act.request} == {str(n) for n in range(16)}
    assert [act.at for act in acts] == sorted(act.at for act in acts)
    assert acts == typing(rate=50.0, seconds=60.0, clients=16, seed=3)
    taken_back = [act for act in acts if act.request is None]
    assert len(taken_back) == pytest.approx(0.1 * len(asked), rel=0.3)


def test_who_counts_and_who_was_in_time() -> None:
    waits = [
        Wait(0.0, text=0.05, done=0.06),
        Wait(0.0, text=0.15, done=0.2),
        Wait(0.0, given_up=0.03),
        Wait(0.0, given_up=0.12),
        Wait(0.0, text=0.02, given_up=0.04),
    ]
    found = summary("p", waits, [1.0, 2.0], seconds=2.0)
    assert (found.requests, found.goodput, found.in_time) == (4, 1.0, 0.5)
    assert (found.text_p50, found.text_p99) == (pytest.approx(50), pytest.approx(150))
    assert (found.steps, found.step_p99) == (2, 2.0)


def test_the_engine_serves_more_in_time_than_fixed_policies(tokenizer_json: str) -> None:
    """In virtual time, so the same on every machine, at twice what one worker has time for."""
    tokenizer = Tokenizer(json.loads(tokenizer_json))
    like: Any = Like(tokenizer.vocab_size)
    acts = typing(rate=100.0, seconds=3.0, clients=16, seed=0)
    rows = {
        name: row(name, policy, like, tokenizer, CARD, GRID, acts, 3.0) for name, policy in POLICIES.items()
    }
    turns, together, ours = rows.values()
    assert ours.in_time > together.in_time > turns.in_time
    assert ours.goodput > turns.goodput
    assert ours.step_p99 < together.step_p99
    assert ours.requests > 150
