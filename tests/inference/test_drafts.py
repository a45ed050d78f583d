"""Drafts change nothing but the number of passes, whatever they propose; and no page is lost."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.beam import Hypothesis
from inference.card import Card
from inference.copying import CopySource
from inference.drafts import MAX_DRAFT, CopyDrafts, ModelDrafts, Worth
from inference.engine import DoneEvent, Engine, PromptText, Request, TextEvent
from inference.models.config import Qwen3MoeConfig
from inference.models.native_model import NativeModel
from inference.step_cost import StepCost
from inference.tokenizer import Tokenizer
from kernels.cpu import available

pytestmark = pytest.mark.skipif(not available(), reason="the native modules were not built")
WIDE = {
    "hidden_size": 64, "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 32, "num_experts": 5,
    "num_experts_per_tok": 3, "moe_intermediate_size": 64, "vocab_size": 1024,
}  # fmt: skip
CARD = Card("m", "midfill-spm", prefix_tokens=64, suffix_tokens=24, max_new_tokens=24, stop_ids=(0,))
COPYING = replace(CARD, copy_weights=(0.1, 0.2, 0.3, 0.4, 0.5, 0.7, 0.9, 0.95))


@pytest.fixture(scope="module")
def tokenizer(tokenizer_json):
    return Tokenizer(json.loads(tokenizer_json))


@pytest.fixture(scope="module")
def model(make_model_dir) -> NativeModel:
    directory: Path = make_model_dir(**WIDE)
    return NativeModel(directory, Qwen3MoeConfig.from_file(directory / "config.json"), "wide", threads=1)


class Told:
    """Proposes what `tell` says to the tokens so far."""

    def __init__(self, tell):
        self.tell = tell
        self.learnt = []

    def propose(self, hypothesis: Hypothesis, count: int) -> list[int]:
        return self.tell(hypothesis.token_ids)[:count]

    def learn(self, before: bytes, answer: bytes) -> None:
        self.learnt.append(answer)


class Always(Worth):
    """Takes every chance."""

    def try_one(self, cost) -> bool:
        return True


class Recorded:
    """A model that counts its passes."""

    def __init__(self, model):
        self.model, self.passes = model, 0

    def __getattr__(self, name):
        return getattr(self.model, name)

    def forward(self, chunks):
        self.passes += 1
        return self.model.forward(chunks)


def answer(engine, request, *, abort_after=None):
    """The text, how it ended, with which log-probability and of how many tokens."""
    engine.submit(request)
    text, steps = "", 0
    while engine.has_work:
        if steps == abort_after:
            engine.abort(request.key)
        for event in engine.step():
            match event:
                case TextEvent():
                    text += event.text
                case DoneEvent():
                    return (
                        text,
                        event.stop_reason,
                        event.statistics.logprob,
                        event.statistics.generated_tokens,
                    )
                case _:
                    raise AssertionError(event)
        steps += 1
    raise AssertionError("no end")


FILES = st.text("ab(.\n ", min_size=30, max_size=200)
RANDOM = st.lists(st.lists(st.integers(6, 1023), max_size=MAX_DRAFT), min_size=1, max_size=8)


@settings(deadline=None, max_examples=30)
@given(
    file=FILES,
    cut=st.integers(0, 30),
    width=st.sampled_from([1, 3]),
    temperature=st.sampled_from([0.0, 0.0, 0.7]),
    card=st.sampled_from([CARD, COPYING]),
    random=RANDOM,
    right=st.integers(0, MAX_DRAFT),
    abort_after=st.integers(0, 12),
)
def test_the_answer_is_the_same_to_the_bit(
    model, tokenizer, file, cut, width, temperature, card, random, right, abort_after
):
    card = replace(card, beam_width=width)
    request = Request(1, "", PromptText(file[cut:] + file[:cut], file[:cut]), temperature=temperature)
    seen: list[list[int]] = []  # all that any hypothesis ever had
    plain = Told(lambda ids: seen.append(list(ids)) or [])
    again = replace(request, key=2)  # with what is known then
    engine = Engine(model, tokenizer, card, drafts=plain, check=True)
    expected = answer(engine, request), answer(engine, again)
    engine = Engine(model, tokenizer, card, check=True)
    assert (answer(engine, request), answer(engine, again)) == expected

    turn = 0

    def tell(ids):
        """Right for a while, along the path of some hypothesis, then anything."""
        nonlocal turn
        turn += 1
        longest = max((one for one in seen if one[: len(ids)] == ids), key=len, default=ids)
        return longest[len(ids) :][:right] + random[turn % len(random)]

    for source in (Told(tell), CopyDrafts(tokenizer), ModelDrafts(model)):
        engine = Engine(model, tokenizer, card, drafts=source, check=True)
        engine.worth = Always()
        assert (answer(engine, request), answer(engine, again)) == expected
        answer(engine, replace(request, key=3), abort_after=abort_after)  # `check` finds lost pages


@pytest.fixture
def passes(model, tokenizer):
    """passes(source) → the passes of an answer whose 24 tokens and end are all likely, and what it was."""

    def count(source, card=CARD):
        recorded = Recorded(model)
        engine = Engine(recorded, tokenizer, card, drafts=source, check=True)
        engine.worth = Always()
        return answer(engine, Request(1, "", PromptText("a = b(c)\n", "\nd"))), recorded.passes, engine.worth

    return count


def test_the_same_model_as_its_own_draft_is_always_right(model, passes):
    expected, alone, _ = passes(None)
    got, together, worth = passes(ModelDrafts(model))
    assert got == expected
    assert together < alone / 2
    assert worth.saved == pytest.approx(alone - together, abs=2)


def test_what_was_answered_is_a_draft_while_it_is_typed(model, tokenizer):
    recorded = Recorded(model)
    engine = Engine(recorded, tokenizer, COPYING, drafts=CopyDrafts(tokenizer), check=True)
    prefix = "something_long_before_it = what(ever)\nx = "
    text, *_ = answer(engine, Request(1, "", PromptText(prefix)))
    first = recorded.passes
    line = text.split("\n")[0]
    assert len(line) > 8, "the premise: there is something to type"
    answer(engine, Request(2, "", PromptText(prefix + line[:2])))
    assert recorded.passes - first < first


def test_a_model_that_does_not_promise_equal_bits_is_not_asked_for_drafts(model, tokenizer):
    recorded = Recorded(model)
    recorded.max_exact_tokens = 1
    source = Told(lambda ids: pytest.fail("asked"))
    answer(Engine(recorded, tokenizer, CARD, drafts=source, check=True), Request(1, "", PromptText("a\n")))


def hypothesis_at(tokenizer, prefix, suffix="", required=b""):
    return Hypothesis([], None, required, context=CopySource(tokenizer).around(prefix, suffix))


def proposed(tokenizer, source, hypothesis, count=MAX_DRAFT):
    return b"".join(tokenizer.pieces[i] for i in source.propose(hypothesis, count)).decode()


def test_a_copy_goes_up_to_the_line_end(tokenizer):
    line = "result = compute(first, second)\n"
    source = CopyDrafts(tokenizer)
    text = proposed(tokenizer, source, hypothesis_at(tokenizer, line + line[:20]))
    assert text and line[20:-1].startswith(text)
    assert proposed(tokenizer, source, hypothesis_at(tokenizer, "x" + line[:20])) == ""
    assert proposed(tokenizer, source, hypothesis_at(tokenizer, line + line[:4])) == "", "too short a match"
    healed = proposed(tokenizer, source, hypothesis_at(tokenizer, line + line[:20], required=b"comp"))
    assert healed.startswith("comp")
    assert len(source.propose(hypothesis_at(tokenizer, line + line[:20]), 2)) <= 2


def test_an_earlier_answer_counts_before_the_file(tokenizer):
    source = CopyDrafts(tokenizer)
    line = "result = compute(first, second)\n"
    source.learn(line[:20].encode(), b"te(other)")
    assert proposed(tokenizer, source, hypothesis_at(tokenizer, line + line[:20])).startswith("te(f"[:3])
    source.learn(b"", b"")
    source.learn(line[:20].encode(), b"e(\0 other)")
    assert "\0" not in proposed(tokenizer, source, hypothesis_at(tokenizer, line[:20]))


def test_earlier_answers_are_forgotten(tokenizer):
    source = CopyDrafts(tokenizer)
    for number in range(1000):
        source.learn(b"a = %d" % number, b"(%d)" % number * 9)
    assert source._recent.size < 20_000


class Fixed(StepCost):
    """2 ms a step and 0.5 ms a token."""

    def milliseconds(self, size):
        return 2 + 0.5 * size.answer_tokens


def test_a_draft_gains_the_steps_it_saves_less_the_tokens_it_wastes():
    worth = Worth()
    assert worth.gain_ms(Fixed()) == 0
    worth.drafted(4, 3, 2)
    assert worth.gain_ms(Fixed()) == pytest.approx(2 * 2 - 1 * 0.5)
    worth.drafted(0, 0, 1)  # a step saved later by the same draft
    assert worth.gain_ms(Fixed()) == pytest.approx(3 * 2 - 1 * 0.5)
    for _ in range(200):
        worth.drafted(4, 0, 0)
    assert worth.gain_ms(Fixed()) == pytest.approx(-20 * 4 * 0.5, rel=1e-3), "the last twenty count"


def test_drafts_that_do_not_pay_are_switched_off_and_tried_now_and_then():
    worth = Worth()
    for _ in range(7):
        worth.drafted(4, 0, 0)
        assert worth.try_one(Fixed()), "too little is known"
    worth.drafted(4, 0, 0)
    assert sum(worth.try_one(Fixed()) for _ in range(64)) == 2
    for _ in range(60):
        worth.drafted(4, 3, 3)
    assert worth.try_one(Fixed()) and worth.try_one(Fixed())
