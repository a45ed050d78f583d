"""How long to wait before the model is asked."""

import pytest

from lsp_server.completion.rhythm import MOST_S, Rhythm
from lsp_server.document import Change
from lsp_server.position import Position

HERE = Position(0, 3)


def typing(gap_s: float, count: int = 100) -> Rhythm:
    rhythm = Rhythm()
    for number in range(count):
        rhythm.typed("a", [Change("x", HERE, HERE)], number * gap_s)
    return rhythm


@pytest.mark.parametrize("gap_s", [0.08, 0.2, 0.5])
def test_the_gap_between_keys_is_learned(gap_s: float) -> None:
    assert typing(gap_s).gap_s == pytest.approx(gap_s, rel=0.01)


@pytest.mark.parametrize(
    "change",
    [
        Change("xy", HERE, HERE),
        Change("", Position(0, 2), HERE),
        Change("x", Position(0, 2), HERE),
        Change("x"),
    ],
)
def test_what_is_no_key_is_no_typing(change: Change) -> None:
    rhythm = Rhythm()
    before = rhythm.gap_s
    for number in range(9):
        rhythm.typed("a", [Change("x", HERE, HERE)], number * 0.1)
        rhythm.typed("a", [change], number * 0.1 + 0.05)
    assert rhythm.gap_s == before


def test_a_pause_is_no_gap_and_documents_do_not_mix() -> None:
    rhythm = Rhythm()
    before = rhythm.gap_s
    for now_s, uri in ((0.0, "a"), (9.0, "a"), (9.1, "b"), (9.2, "a")):
        rhythm.typed(uri, [Change("x", HERE, HERE)], now_s)
    assert rhythm.gap_s == before


def test_an_engine_that_is_fast_enough_is_asked_at_once() -> None:
    rhythm = typing(0.1)
    assert rhythm.delay_s() == 0.0  # nothing is known of it yet
    for _ in range(50):
        rhythm.heard(0.09)
    assert rhythm.delay_s() == 0.0


def test_the_slower_the_engine_the_nearer_to_a_gap() -> None:
    delays = []
    for latency_s in (0.11, 0.2, 0.4, 1.0, 100.0):
        rhythm = typing(0.1)
        rhythm.heard(latency_s)
        delays.append(rhythm.delay_s())
    assert delays == sorted(delays)
    assert delays[0] < 0.02
    assert 0.09 < delays[-1] < rhythm.gap_s
    assert rhythm.delay_s(2.0) == pytest.approx(2 * delays[-1])
    assert rhythm.delay_s(99.0) == MOST_S


def test_who_does_not_wait_says_that_it_took_too_long() -> None:
    rhythm = Rhythm()
    rhythm.heard(0.3)
    rhythm.gave_up(0.1)  # which says nothing
    assert rhythm.latency_s == 0.3
    rhythm.gave_up(0.8)
    assert 0.3 < rhythm.latency_s < 0.8
