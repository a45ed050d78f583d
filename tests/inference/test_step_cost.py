"""The cost of a step is learned, from whatever beginning, and neither noise nor a stall unlearns it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.step_cost import StepCost, StepSize


def sizes(random, count):
    """As they come: answers in most steps, a prompt in every fourth."""
    for _ in range(count):
        prompt = int(random.integers(1, 129)) if random.random() < 0.25 else 0
        answers = int(random.integers(0 if prompt else 1, 13))
        yield StepSize(prompt, answers, (prompt + answers) * int(random.integers(50, 500)))


def true_cost(rates, size):
    return float(np.array(rates) @ [1, size.prompt_tokens, size.answer_tokens, size.depth / 1000])


def learned(rates, random, count=400, noise=0.2, stalls=0.0):
    cost = StepCost()
    for size in sizes(random, count):
        factor = np.exp(random.normal(0, noise)) if noise else 1.0
        cost.observe(size, true_cost(rates, size) * (20.0 if random.random() < stalls else factor))
    return cost


MACHINES = {
    "a small model": (0.9, 0.36, 0.4, 0.3),
    "tiles for prompts": (0.9, 0.05, 0.4, 0.1),
    "a large model": (60.0, 9.0, 14.0, 3.0),
    "a GPU": (7.0, 0.02, 0.05, 0.001),
}


@pytest.mark.parametrize("rates", MACHINES.values(), ids=MACHINES.keys())
@pytest.mark.parametrize("stalls", [0.0, 0.02])
def test_any_machine_is_learned(rates, stalls):
    """Within a quarter in the mean of 100 steps, though each is noise of a fifth and some are stalls."""
    random = np.random.default_rng(1)
    cost = learned(rates, random, stalls=stalls)
    errors = [abs(cost.milliseconds(size) / true_cost(rates, size) - 1) for size in sizes(random, 100)]
    assert np.mean(errors) < 0.25


def test_ten_steps_are_enough_for_a_first_idea():
    """From half a millisecond a token to fifteen."""
    random = np.random.default_rng(2)
    rates = MACHINES["a large model"]
    cost = learned(rates, random, count=10, noise=0.1)
    size = StepSize(32, 2, 34 * 200)
    assert 0.5 < cost.milliseconds(size) / true_cost(rates, size) < 2


def test_what_is_not_exercised_is_not_unlearned():
    """A thousand steps without a prompt, and one prompt that was interrupted."""
    random = np.random.default_rng(3)
    rates = MACHINES["a small model"]
    cost = learned(rates, random)
    before = cost.milliseconds(StepSize(64, 0, 6400))
    for _ in range(1000):
        cost.observe(StepSize(0, 2, 400), true_cost(rates, StepSize(0, 2, 400)))
    cost.observe(StepSize(64, 0, 6400), 50 * before)
    assert cost.milliseconds(StepSize(64, 0, 6400)) < 4 * before
    for _ in range(10):
        cost.observe(StepSize(64, 0, 6400), before)
    assert cost.milliseconds(StepSize(64, 0, 6400)) == pytest.approx(before, rel=0.2)


def test_a_machine_that_becomes_slower_is_followed():
    random = np.random.default_rng(4)
    cost = learned(MACHINES["a small model"], random)
    slower = tuple(4 * rate for rate in MACHINES["a small model"])
    for size in sizes(random, 40):
        cost.observe(size, true_cost(slower, size))
    size = StepSize(64, 3, 67 * 200)
    assert cost.milliseconds(size) == pytest.approx(true_cost(slower, size), rel=0.2)


def test_as_much_of_a_prompt_as_fits():
    cost = learned(MACHINES["a small model"], np.random.default_rng(5), noise=0)
    size = StepSize(0, 3, 900)
    count = cost.prompt_tokens(16.0, size, depth=300)
    grown = StepSize(count, 3, 900 + count * 300)
    assert cost.milliseconds(grown) <= 16.0
    assert cost.milliseconds(StepSize(count + 2, 3, 900 + (count + 2) * 300)) > 16.0
    assert cost.prompt_tokens(0.1, size, depth=0) == 0


@given(
    steps=st.lists(
        st.tuples(st.integers(0, 4096), st.integers(0, 200), st.integers(0, 10**7), st.floats(0, 1e6)),
        max_size=60,
    )
)
def test_whatever_is_observed_costs_stay_finite_and_positive(steps):
    cost = StepCost()
    for prompt, answers, depth, milliseconds in steps:
        size = StepSize(prompt, answers, depth)
        cost.observe(size, milliseconds)
        assert 0 < cost.milliseconds(size) < 1e12
        assert cost.prompt_tokens(33.0, size, 100) >= 0
