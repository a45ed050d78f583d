"""What a step computes, and whose."""

import pytest

from inference.generation import Generation
from inference.prompt import Prompt, PromptText
from inference.request import Request
from inference.scheduler import Scheduler
from tests.inference.token_sequence import TokenSequence


def generation(key, document="", prompt=0, cached=0):
    """One whose prompt has `prompt` tokens, `cached` of them computed; 0: it has not begun."""
    made = Generation.of(Request(key, document, PromptText("")), now=0.0)
    if prompt:
        ids = tuple(range(prompt))
        made.begin(
            Prompt(ids, b""), TokenSequence(ids[:cached]), width=1, max_tokens=9, max_length=prompt + 9
        )
    return made


def planned(scheduler, max_prompt_tokens):
    batch = scheduler.plan(max_prompt_tokens)
    return [(part.generation.request.key, part.end - part.start, part.is_last) for part in batch]


@pytest.fixture
def scheduler():
    scheduler = Scheduler()
    for key, cached in ((1, 99), (2, 60), (3, 0)):
        scheduler.admit(generation(key, f"file:///{key}", prompt=100, cached=cached))
    return scheduler


def test_the_newest_prompt_first_and_a_token_of_every_answer(scheduler):
    assert planned(scheduler, 128) == [(3, 100, True), (2, 28, False), (1, 1, True)]
    assert planned(scheduler, 16) == [(3, 16, False), (1, 1, True)]
    assert planned(scheduler, 200) == [(3, 100, True), (2, 40, True), (1, 1, True)]


def test_a_part_has_the_tokens_that_come_next(scheduler):
    batch = scheduler.plan(110)
    chunks = [part.chunk for part in batch]
    assert [chunk.token_ids for chunk in chunks] == [list(range(100)), list(range(60, 70)), [99]]
    assert [chunk.num_logits for chunk in chunks] == [1, 0, 1]


def test_the_removed_have_no_part(scheduler):
    scheduler.remove(scheduler.find(3))
    assert planned(scheduler, 16) == [(2, 16, False), (1, 1, True)]
    assert len(scheduler) == 2


def test_the_newest_of_those_that_wait_begins_first(scheduler):
    assert scheduler.waiting() is None
    for key in (4, 5):
        scheduler.admit(generation(key))
    assert scheduler.waiting().request.key == 5
    assert planned(scheduler, 16) == [(3, 16, False), (1, 1, True)]


def test_nothing_to_do():
    assert Scheduler().plan(128) == []
    assert Scheduler().waiting() is None


def test_requests_are_found_by_key_and_document(scheduler):
    assert scheduler.find(2).request.key == 2
    assert scheduler.find(9) is None
    assert scheduler.of_document("file:///1").request.key == 1
    scheduler.admit(generation(4))
    assert scheduler.of_document("") is None
