"""What a step computes, and whose."""

import pytest

from inference.generation import Generation
from inference.prompt import Prompt, PromptText
from inference.request import Request
from inference.scheduler import HOLD_MS, MIN_CHUNK, STEP_MS, Scheduler, size_of
from inference.step_cost import StepCost, StepSize
from tests.inference.token_sequence import TokenSequence

DEADLINE_MS = 100.0


class KnownCost(StepCost):
    """A millisecond a step, and a fifth or a half of one for a token of a prompt or of an answer."""

    def milliseconds(self, size):
        return 1.0 + 0.2 * size.prompt_tokens + 0.5 * size.answer_tokens

    def prompt_tokens(self, budget_ms, size, depth):
        return max(0, int((budget_ms - self.milliseconds(size)) / 0.2))


def generation(key, document="", prompt=0, cached=0, submitted=0.0):
    """One whose prompt has `prompt` tokens, `cached` of them computed; 0: it has not begun."""
    made = Generation.of(Request(key, document, PromptText(""), deadline_ms=DEADLINE_MS), now=submitted)
    if prompt:
        ids = tuple(range(prompt))
        made.begin(
            Prompt(ids, b""), TokenSequence(ids[:cached]), width=1, max_tokens=9, max_length=prompt + 9
        )
    return made


def of(*generations, max_prompt_tokens=10_000):
    scheduler = Scheduler(KnownCost(), max_prompt_tokens)
    for each in generations:
        scheduler.admit(each)
    return scheduler


def planned(scheduler, now=0.0):
    """{key: tokens}, in order."""
    return {part.generation.request.key: part.count for part in scheduler.plan(now)}


def milliseconds(scheduler, now=0.0):
    return scheduler.cost.milliseconds(size_of(scheduler.plan(now)))


@pytest.fixture
def scheduler():
    """The newest two have prompts, the oldest an answer under way."""
    return of(*(generation(key, f"file:///{key}", 100, cached) for key, cached in ((1, 99), (2, 60), (3, 0))))


def test_a_token_of_every_answer_then_prompts_newest_first(scheduler):
    assert list(planned(scheduler).items()) == [(1, 1), (3, 72)]
    scheduler.remove(scheduler.find(1))
    assert list(planned(scheduler).items()) == [(3, 100), (2, 40)]
    scheduler.max_prompt_tokens = 110
    assert list(planned(scheduler).items()) == [(3, 100), (2, 10)]


def test_an_answer_is_not_held_by_a_prompt_that_has_time(scheduler):
    assert milliseconds(scheduler) <= HOLD_MS


def test_without_an_answer_to_hold_a_step_is_as_long_as_an_abort_may_wait():
    scheduler = of(generation(1, prompt=1000))
    assert HOLD_MS < milliseconds(scheduler) <= STEP_MS


def test_the_newest_in_a_hurry_gets_as_much_as_it_needs():
    """120 tokens in two steps of HOLD_MS; with 26 ms left they fit into one step."""
    scheduler = of(generation(1, prompt=50, cached=49), generation(2, prompt=120))
    assert planned(scheduler, now=0.05) == {1: 1, 2: 72}
    assert planned(scheduler, now=0.074) == {1: 1, 2: 120}
    assert milliseconds(scheduler, now=0.074) <= STEP_MS


def test_a_hurry_makes_no_step_longer_than_an_abort_may_wait():
    scheduler = of(generation(1, prompt=50, cached=49), generation(2, prompt=300))
    assert HOLD_MS < milliseconds(scheduler, now=0.035) <= STEP_MS


def test_one_that_will_be_late_in_any_case_is_behind_those_that_need_not_be():
    """The newest needs 101 ms and has 100."""
    scheduler = of(generation(1, prompt=80), generation(2, prompt=500))
    assert planned(scheduler) == {1: 80, 2: 80}


def test_late_ones_are_computed_in_what_is_left_newest_first():
    scheduler = of(generation(1, prompt=900), generation(2, prompt=900))
    assert planned(scheduler) == {2: 160}
    assert planned(scheduler, now=5.0) == {2: 160}


def test_a_prompt_has_as_much_of_a_step_as_the_answers_beside_it():
    """100 answers take 51 ms, longer than either bound: a prompt goes on beside them all the same."""
    answers = [generation(key, prompt=50, cached=49) for key in range(100)]
    scheduler = of(*answers, generation(100, prompt=900))
    assert planned(scheduler)[100] == 255
    assert len(planned(scheduler)) == 101


def test_where_every_step_is_dear_a_prompt_has_most_of_it():
    """60 ms for a step with nothing in it: 180 more for a prompt alone, 60 more beside an answer."""
    alone, beside = (
        of(generation(1, prompt=900), *more) for more in ([], [generation(2, prompt=9, cached=8)])
    )
    for scheduler in (alone, beside):
        cheap = scheduler.cost.milliseconds
        scheduler.cost.milliseconds = lambda size, cheap=cheap: 59.0 + cheap(size)
    assert planned(alone) == {1: 180 * 5}
    assert planned(beside)[1] == 302


def test_a_prompt_goes_on_whatever_it_costs():
    scheduler = of(generation(1, prompt=900))
    scheduler.cost.prompt_tokens = lambda *_: 0
    assert planned(scheduler) == {1: MIN_CHUNK}


def test_a_part_is_the_tokens_that_come_next(scheduler):
    scheduler.max_prompt_tokens = 70
    answer, newest = scheduler.plan(0.0)
    assert (answer.chunk.token_ids, answer.chunk.num_logits) == ([99], 1)
    assert (newest.chunk.token_ids, newest.chunk.num_logits) == (list(range(70)), 0)
    scheduler.remove(newest.generation)
    _, part = scheduler.plan(0.0)
    assert (part.chunk.token_ids, part.chunk.num_logits) == (list(range(60, 100)), 1)
    assert part.is_next
    part.hypothesis.sequence.truncate(0)
    assert not part.is_next


def test_the_size_of_a_step(scheduler):
    assert size_of(scheduler.plan(0.0)) == StepSize(72, 1, 99 + sum(range(72)))
    assert size_of([]) == StepSize(0, 0, 0)


def test_the_removed_have_no_part(scheduler):
    scheduler.remove(scheduler.find(3))
    assert planned(scheduler) == {1: 1, 2: 40}
    assert len(scheduler) == 2


def test_the_newest_of_those_that_wait_begins_first(scheduler):
    assert scheduler.waiting() is None
    for key in (4, 5):
        scheduler.admit(generation(key))
    assert scheduler.waiting().request.key == 5
    assert 5 not in planned(scheduler)


def test_nothing_to_do():
    assert of().plan(0.0) == []
    assert of().waiting() is None


def test_requests_are_found_by_key_and_document(scheduler):
    assert scheduler.find(2).request.key == 2
    assert scheduler.find(9) is None
    assert scheduler.of_document("file:///1").request.key == 1
    scheduler.admit(generation(4))
    assert scheduler.of_document("") is None
