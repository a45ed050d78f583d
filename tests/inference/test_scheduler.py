"""Whose turn it is."""

import pytest

from inference.generation import Generation
from inference.prompt import PromptText
from inference.request import Request
from inference.scheduler import Scheduler


def generation(key, document=""):
    return Generation.of(Request(key, document, PromptText("")), now=0.0)


def turns(scheduler, count):
    return [scheduler.next().request.key for _ in range(count)]


@pytest.fixture
def scheduler():
    scheduler = Scheduler()
    for key in (1, 2, 3):
        scheduler.admit(generation(key, f"file:///{key}"))
    return scheduler


def test_the_newest_first_then_in_turns(scheduler):
    assert turns(scheduler, 7) == [3, 2, 1, 3, 2, 1, 3]


def test_one_that_comes_is_next_and_nobody_starves(scheduler):
    assert turns(scheduler, 1) == [3]
    scheduler.admit(generation(4))
    assert turns(scheduler, 5) == [4, 2, 1, 3, 4]


def test_the_removed_have_no_turn(scheduler):
    scheduler.remove(scheduler.find(2))
    assert turns(scheduler, 3) == [3, 1, 3]
    assert len(scheduler) == 2


def test_nothing_to_do():
    assert Scheduler().next() is None


def test_requests_are_found_by_key_and_document(scheduler):
    assert scheduler.find(2).request.key == 2
    assert scheduler.find(9) is None
    assert scheduler.of_document("file:///1").request.key == 1
    scheduler.admit(generation(4))
    assert scheduler.of_document("") is None
