"""The engine against a model that plays a script: order, aborts, stops, healing, errors, statistics."""

import json
import threading
from bisect import bisect_left
from dataclasses import replace
from itertools import accumulate

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from inference.card import Card
from inference.copying import LENGTHS
from inference.engine import (
    DoneEvent,
    Engine,
    ErrorEvent,
    PromptText,
    Request,
    RequestError,
    TextEvent,
)
from inference.healing import is_indented
from inference.model import ModelError, OutOfPagesError, check_chunks
from inference.prompt import PromptWriter
from inference.tokenizer import Tokenizer
from tests.inference.token_sequence import TokenPool

CARD = Card("m", "midfill-spm", prefix_tokens=64, suffix_tokens=24, max_new_tokens=40, stop_ids=(0,))


class ScriptedModel:
    """Wants `next_token(tokens so far)`; its second wish is token id 40, its third 41, and so on."""

    name, device, context_length, memory_bytes = "scripted", "cpu", 256, 1000
    page_bytes = 40

    def __init__(self, vocab_size, next_token):
        self.vocab_size = vocab_size
        self.next_token = next_token
        self.passes = []

    def new_pool(self, max_bytes):
        return TokenPool(max_bytes // self.page_bytes)

    def forward(self, chunks):
        check_chunks(chunks, self.vocab_size, self.context_length)
        self.passes.append([list(chunk.token_ids) for chunk in chunks])
        logits = [self.logits(chunk) for chunk in chunks]
        for chunk in chunks:
            try:
                chunk.sequence.append(chunk.token_ids)
            except OutOfPagesError:
                for other in chunks[: chunks.index(chunk)]:
                    other.sequence.truncate(other.sequence.length - len(other.token_ids))
                raise
        return logits

    def logits(self, chunk):
        tokens = chunk.sequence.tokens + list(chunk.token_ids)
        rows = np.tile(-np.arange(self.vocab_size, dtype=np.float32), (chunk.num_logits, 1))
        for row, end in zip(rows, range(len(tokens) - chunk.num_logits, len(tokens)), strict=True):
            row[self.next_token(tokens[: end + 1])] = 10
        return rows

    @property
    def computed(self):
        """Every token in the order of computing."""
        return [token for step in self.passes for chunk in step for token in chunk]


@pytest.fixture(scope="module")
def tokenizer(tokenizer_json):
    return Tokenizer(json.loads(tokenizer_json))


@pytest.fixture
def answering(tokenizer):
    """answering(prompt, answer, end=0, **engine options) → an engine whose model continues that prompt, from
    its healed cut on, with the tokens of the required text and `answer` as one, then wants `end`."""

    def make(prompt, answer, end=0, context_length=256, **options):
        written = PromptWriter(CARD, tokenizer, 256).write(prompt)
        script = tokenizer.encode(written.required.decode() + answer)

        def next_token(tokens):
            at = len(tokens) - len(written.token_ids)
            return script[at] if 0 <= at < len(script) else end

        model = ScriptedModel(tokenizer.vocab_size, next_token)
        model.context_length = context_length
        return Engine(model, tokenizer, CARD, check=True, **options)

    return make


@pytest.fixture
def counting(tokenizer):
    """An engine whose model says "a" for ever."""
    letter = tokenizer.encode("a")[0]
    return Engine(ScriptedModel(tokenizer.vocab_size, lambda _: letter), tokenizer, CARD, check=True)


def run(engine, limit=2000):
    events = []
    while engine.has_work:
        events += engine.step()
        limit -= 1
        assert limit, "the engine does not end"
    return events


def answer(engine, prompt, **fields):
    """(text, how it ended) of one request run alone."""
    engine.submit(Request(key=1, document="", prompt=prompt, **fields))
    events = run(engine)
    assert all(isinstance(event, TextEvent) and event.text for event in events[:-1])
    return "".join(event.text for event in events[:-1]), events[-1]


GAP = PromptText("def f(a):\n    ret", "\n\nf(1)\n")


def test_an_answer_ends_with_the_end_token(answering):
    text, done = answer(answering(GAP, "urn a + 1"), GAP)
    assert text == "urn a + 1"
    assert done.stop_reason == "eot"


def test_any_control_token_ends_an_answer_and_is_not_shown(answering, tokenizer):
    for name in ["<|file_sep|>", "<|fim_middle|>", "<|repo_name|>"]:
        text, done = answer(answering(GAP, "urn", end=tokenizer.control(name)), GAP)
        assert (text, done.stop_reason) == ("urn", "eot")


def test_the_text_before_the_cursor_is_reproduced_and_not_shown(counting, tokenizer):
    """Whatever the model wants, its first tokens must spell what the prompt left out."""
    text, done = answer(counting, PromptText("x = ret"), max_tokens=3)
    prompt_length = done.statistics.prompt_tokens
    generated = counting.model.computed[prompt_length:]
    spelled = b"".join(tokenizer.pieces[i] for i in generated).decode()
    assert spelled.startswith(" ret")
    assert text.startswith(spelled.removeprefix(" ret"))  # the last token was never fed back
    assert "ret" not in text


@settings(max_examples=40)
@given(
    text=st.text("ab (.)\n中😀", max_size=30),
    continuation=st.text("ab (.)\n中😀", min_size=1, max_size=9),  # at most 36 tokens, byte by byte
)
def test_every_cursor_gets_exactly_the_text_behind_it(tokenizer, text, continuation):
    """A model that knows the file reproduces it, wherever the cursor splits it."""
    assume(continuation[0] != " " or not is_indented(text))
    prompt = PromptText(text, "")
    written = PromptWriter(CARD, tokenizer, 256).write(prompt)
    script = tokenizer.encode(written.required.decode() + continuation)
    model = ScriptedModel(
        tokenizer.vocab_size,
        lambda tokens: ([*script, 0, 0])[min(len(tokens) - len(written.token_ids), len(script))],
    )
    shown, done = answer(Engine(model, tokenizer, CARD, check=True), prompt, max_tokens=40)
    assert (shown, done.stop_reason) == (continuation, "eot")


def test_an_earlier_occurrence_outweighs_a_model_that_is_not_sure(tokenizer):
    """The model wants one letter for ever, a little; the file says how its line goes on."""
    letter = tokenizer.encode("a")[0]
    model = ScriptedModel(tokenizer.vocab_size, lambda _: letter)
    sure = model.logits
    model.logits = lambda chunk: sure(chunk) * 1e-3
    prompt = PromptText("total = width * height\ntotal = wid", "\n")
    for weight, expected in ((0.0, "aaa"), (0.9, "th * height")):
        card = replace(CARD, copy_weights=(weight,) * len(LENGTHS))
        text, _ = answer(
            Engine(model, tokenizer, card), prompt, max_tokens=3 if not weight else 40, stop=("\n",)
        )
        assert text == expected


def test_stop_strings_across_tokens(answering):
    text, done = answer(answering(GAP, "urn a\ndef g(): pass"), GAP, stop=("\ndef ",))
    assert (text, done.stop_reason) == ("urn a", "stop")


def test_a_stop_string_in_the_reproduced_text_does_not_count(answering):
    text, done = answer(answering(GAP, "urn a"), GAP, stop=("ret",))
    assert (text, done.stop_reason) == ("urn a", "eot")


def test_text_held_back_for_a_stop_string_comes_at_the_end(answering):
    text, done = answer(answering(GAP, "urn a\nde"), GAP, stop=("\ndef ",))
    assert (text, done.stop_reason) == ("urn a\nde", "eot")


def test_max_tokens_counts_the_answer_only(counting):
    engine = counting
    text, done = answer(engine, PromptText("x = longlonglong", ""), max_tokens=5)
    assert done.stop_reason == "length"
    assert done.statistics.generated_tokens >= 5
    assert len(text) >= 5


def test_the_card_caps_max_tokens(counting):
    _, done = answer(counting, PromptText("x.", ""), max_tokens=4000)
    assert done.stop_reason == "length"
    assert done.statistics.generated_tokens <= CARD.max_new_tokens + 1


def test_the_context_is_a_limit_of_its_own(answering, tokenizer):
    prompt = PromptText("\n".join(f"b = {i}" for i in range(60)), "c\n" * 40)
    engine = answering(prompt, "a" * 400, context_length=105)
    length = len(PromptWriter(CARD, tokenizer, 256).write(prompt).token_ids)
    _, done = answer(engine, prompt, stop=("never",))
    assert done.stop_reason == "length"
    assert length + done.statistics.generated_tokens == 105


def test_prefill_runs_in_chunks_and_one_token_a_step_follows(answering):
    engine = answering(GAP, "urn a", prefill_chunk=4)
    text, done = answer(engine, GAP)
    assert {len(step) for step in engine.model.passes} == {1}
    sizes = [len(chunk) for (chunk,) in engine.model.passes]
    prompt = done.statistics.prompt_tokens
    chunks = -(-prompt // 4)
    assert sizes[:chunks] == [4] * (prompt // 4) + [prompt % 4] * (prompt % 4 > 0)
    assert set(sizes[chunks:]) == {1}
    assert text == "urn a"


def test_an_abort_takes_effect_before_the_next_step_even_in_prefill(counting):
    engine = counting
    engine._scheduler.max_prompt_tokens = 4
    engine.submit(Request(1, "", GAP))
    assert engine.step() == []
    engine.abort(1)
    (done,) = engine.step()
    assert (done.key, done.stop_reason) == (1, "aborted")
    assert len(engine.model.passes) == 1
    assert not engine.has_work
    engine.abort(1)
    assert engine.step() == []


def test_an_abort_before_the_first_step(counting):
    counting.submit(Request(1, "", GAP))
    counting.abort(1, "superseded")
    (done,) = counting.step()
    assert done.stop_reason == "superseded"
    assert counting.model.passes == []


def test_a_newer_request_of_a_document_supersedes(counting):
    counting.submit(Request(1, "file:///a", GAP))
    counting.submit(Request(2, "file:///b", GAP))
    counting.step()
    counting.submit(Request(3, "file:///a", GAP))
    events = counting.step()
    assert [(event.key, event.stop_reason) for event in events if isinstance(event, DoneEvent)] == [
        (1, "superseded")
    ]
    ends = [event.key for event in run(counting) if isinstance(event, DoneEvent)]
    assert sorted(ends) == [2, 3]


PRIME = Request(9, "primed", GAP, max_tokens=0)


def test_a_prompt_can_be_computed_ahead_of_its_request(counting):
    counting.submit(PRIME)
    [done] = run(counting)
    assert (done.stop_reason, done.statistics.generated_tokens) == ("length", 0)
    before = len(counting.model.passes)
    _, after = answer(counting, PromptText(GAP.prefix + "u", GAP.suffix), max_tokens=1)
    assert after.statistics.cached_tokens == after.statistics.prompt_tokens - 1
    assert sum(map(len, counting.model.passes[before:])) == after.statistics.generated_tokens


def test_what_nobody_waits_for_makes_way_and_keeps_what_it_has(counting):
    counting._scheduler.max_prompt_tokens = 4
    counting.submit(PRIME)
    assert counting.step() == []
    counting.submit(Request(1, "", GAP, max_tokens=1))
    events = run(counting)
    [superseded, *_, done] = [event for event in events if isinstance(event, DoneEvent)]
    assert (superseded.key, superseded.stop_reason) == (9, "superseded")
    assert done.statistics.cached_tokens == 4


def test_nothing_is_computed_ahead_while_somebody_waits(counting):
    counting.submit(Request(1, "", GAP, max_tokens=8))
    counting.step()
    counting.submit(PRIME)
    [superseded, *_] = counting.step()
    assert (superseded.key, superseded.stop_reason) == (9, "superseded")
    assert [event.key for event in run(counting) if isinstance(event, DoneEvent)] == [1]


def test_of_two_that_prime_the_newer_goes_on(counting):
    counting.submit(PRIME)
    counting.submit(replace(PRIME, key=10, document="other"))
    ends = [(event.key, event.stop_reason) for event in run(counting)]
    assert ends == [(9, "superseded"), (10, "length")]


@pytest.mark.parametrize(("width", "stop"), [(1, ()), (3, ()), (3, ("zz",))])
def test_each_piece_comes_with_the_probability_of_the_text_so_far(tokenizer, width, stop):
    """Every token costs about the same here, so the probability counts them."""
    written = PromptWriter(CARD, tokenizer, 256).write(PromptText("x.", ""))
    healed = written.required.decode()
    script = [*tokenizer.encode(healed), *tokenizer.encode("alpha(beta)\n    gamma é")]
    ends = list(accumulate(len(tokenizer.pieces[token]) for token in script))

    def next_token(tokens):
        at = len(tokens) - len(written.token_ids)
        return script[at] if at < len(script) else 0

    model = ScriptedModel(tokenizer.vocab_size, next_token)
    engine = Engine(model, tokenizer, replace(CARD, beam_width=width), check=True)
    engine.submit(Request(1, "", PromptText("x.", ""), stop=stop))
    *pieces, done = run(engine)
    each = pieces[-1].logprob / len(script)
    text = ""
    for piece in pieces:
        text += piece.text
        spelled = 1 + bisect_left(ends, len((healed + text).encode()))
        assert piece.logprob == pytest.approx(each * spelled, rel=0.02)
    assert text == "alpha(beta)\n    gamma é"
    assert done.statistics.logprob < pieces[-1].logprob  # which is without the end


def test_requests_go_on_together(counting):
    for key in (1, 2, 3):
        counting.submit(Request(key, f"file:///{key}", GAP, max_tokens=8))
    ends = {event.key for event in run(counting) if isinstance(event, DoneEvent)}
    assert ends == {1, 2, 3}
    sizes = [len(step) for step in counting.model.passes]
    assert sizes.count(3) >= 6
    assert len(sizes) <= 8 + 3 + 3


def test_a_prompt_is_read_beside_answers_and_the_newest_first(counting):
    """A step holds `prefill_chunk` tokens of prompts at most, and one of every answer under way."""
    counting._scheduler.max_prompt_tokens = 16
    counting.submit(Request(1, "", GAP, max_tokens=30))
    while not any(isinstance(event, TextEvent) for event in counting.step()):
        pass
    before = len(counting.model.passes)
    long = PromptText("b = 1\n" * 12, "c = 2\n" * 8)
    counting.submit(Request(2, "", long, max_tokens=1))
    counting.submit(Request(3, "", PromptText("q = 2\n" * 12, "d = 3\n" * 8), max_tokens=1))
    ends = [event.key for event in run(counting) if isinstance(event, DoneEvent)]
    assert ends == [3, 2, 1]
    for step in counting.model.passes[before : before + 3]:
        assert sum(len(chunk) for chunk in step) == 16 + 1


def test_all_ways_to_go_on_are_computed_in_one_step(tokenizer):
    """Three lines that begin with other letters and are as likely: a beam of three has them in each pass."""
    letters = [tokenizer.encode(letter)[0] for letter in "abc"]
    model = ScriptedModel(tokenizer.vocab_size, lambda _: 0)

    def logits(chunk):
        rows = np.full((chunk.num_logits, model.vocab_size), -30, dtype=np.float32)
        begun = any(letter in chunk.token_ids for letter in letters)
        rows[:, letters] = (5, 4.9, 4.8) if not begun else -30
        rows[:, letters[0]] += 1e-3
        return rows

    model.logits = logits
    engine = Engine(model, tokenizer, replace(CARD, beam_width=3), check=True)
    answer(engine, PromptText("x.", ""), max_tokens=4)
    prompt, *steps = model.passes
    assert len(prompt) == 1
    assert [len(step) for step in steps] == [3] * len(steps)
    assert {step[0] for step in steps[0]} == set(letters)


def test_what_was_computed_is_not_computed_again(counting):
    answer(counting, GAP, max_tokens=4)
    before = len(counting.model.passes)
    _, done = answer(counting, PromptText(GAP.prefix + "u", GAP.suffix), max_tokens=4)
    statistics = done.statistics
    assert statistics.cached_tokens == statistics.prompt_tokens - 1
    assert sum(map(len, counting.model.passes[before:])) == statistics.generated_tokens


def test_an_aborted_prefill_is_reused(counting):
    counting._scheduler.max_prompt_tokens = 4
    counting.submit(Request(1, "", GAP))
    counting.step()
    counting.abort(1)
    counting.step()
    _, done = answer(counting, GAP, max_tokens=1)
    assert done.statistics.cached_tokens == 4


def test_another_workspace_shares_nothing(counting):
    answer(counting, GAP, salt="one", max_tokens=4)
    _, done = answer(counting, GAP, salt="two", max_tokens=4)
    assert done.statistics.cached_tokens == 0


def test_statistics_follow_the_clock(answering):
    times = iter(range(1000))
    engine = answering(GAP, "urn a", clock=lambda: float(next(times)))
    engine.submit(Request(1, "", GAP))
    (*_, done) = run(engine)
    statistics = done.statistics
    assert statistics.queue_ms == 1000  # submitted at 0, started at 1, planned at 2, prefilled at 3
    assert statistics.prefill_ms == 2000
    assert statistics.ttft_ms >= 3000
    assert statistics.total_ms > statistics.ttft_ms
    assert statistics.logprob < 0


def test_a_failing_request_ends_alone(counting):
    def failing(tokens):
        raise ZeroDivisionError("division by zero")

    good = counting.model.next_token
    counting.submit(Request(1, "", GAP))
    counting.model.next_token = failing
    assert counting.step() == [ErrorEvent(1, "internal", "ZeroDivisionError: division by zero")]
    counting.model.next_token = good
    assert not counting.has_work
    assert answer(counting, GAP, max_tokens=1)[1].stop_reason == "length"


def test_a_request_that_breaks_a_step_ends_alone_and_the_others_go_on(tokenizer, counting):
    poison = tokenizer.encode("é")[0]
    good = counting.model.next_token

    def next_token(tokens):
        return 1 / 0 if poison in tokens else good(tokens)

    counting.model.next_token = next_token
    counting.submit(Request(1, "", GAP, max_tokens=5))
    counting.submit(Request(2, "", PromptText("é = 1\nx.", ""), max_tokens=5))
    counting.submit(Request(3, "", PromptText("y.", ""), max_tokens=5))
    ends = {event.key: event for event in run(counting) if not isinstance(event, TextEvent)}
    assert ends[2] == ErrorEvent(2, "internal", "ZeroDivisionError: division by zero")
    assert ends[1].stop_reason == ends[3].stop_reason == "length"


def test_broken_logits_are_an_error_of_the_model(counting):
    counting.model.logits = lambda chunk: np.full(
        (chunk.num_logits, counting.model.vocab_size), np.nan, dtype=np.float32
    )
    counting.submit(Request(1, "", GAP))
    (error,) = run(counting)
    assert (error.code, error.message) == ("model", "the model computed logits that are not finite")


@pytest.mark.parametrize(
    ("fields", "cause"),
    [
        ({"max_tokens": -1}, "max_tokens"),
        ({"temperature": -1.0}, "temperature"),
        ({"temperature": float("nan")}, "temperature"),
        ({"top_p": 1.5}, "top_p"),
        ({"seed": -1}, "seed"),
        ({"deadline_ms": 0.0}, "deadline_ms"),
        ({"deadline_ms": float("nan")}, "deadline_ms"),
    ],
)
def test_bad_requests_are_refused(counting, fields, cause):
    with pytest.raises(RequestError, match=cause) as caught:
        counting.submit(Request(1, "", GAP, **fields))
    assert caught.value.code == "invalid"
    assert not counting.has_work


def test_a_key_in_use_is_refused(counting):
    counting.submit(Request(1, "", GAP))
    with pytest.raises(RequestError, match="already under way"):
        counting.submit(Request(1, "", GAP))


def test_too_many_requests_are_refused_and_none_is_lost(counting):
    for key in range(64):
        counting.submit(Request(key, "", GAP, max_tokens=1))
    with pytest.raises(RequestError, match="64 requests") as caught:
        counting.submit(Request(64, "", GAP))
    assert caught.value.code == "overloaded"
    assert {event.key for event in run(counting) if isinstance(event, DoneEvent)} == set(range(64))


def test_exactly_one_end_each_under_random_submits_and_aborts(counting):
    """Another thread submits and aborts while this one steps."""
    refused, finished = [], threading.Event()

    def load():
        random = np.random.default_rng(3)
        for key in range(200):
            try:
                counting.submit(Request(key, f"file:///{key % 7}", GAP, max_tokens=3))
            except RequestError:
                refused.append(key)
            for _ in range(random.integers(0, 3)):
                counting.abort(int(random.integers(0, key + 1)))
        finished.set()

    thread = threading.Thread(target=load)
    thread.start()
    events = []
    while not finished.is_set() or counting.has_work:
        events += counting.step()
    thread.join()
    ends = [event.key for event in events if isinstance(event, DoneEvent | ErrorEvent)]
    assert sorted([*ends, *refused]) == list(range(200))
    for key in ends:
        last = max(i for i, event in enumerate(events) if event.key == key)
        assert isinstance(events[last], DoneEvent), "text after the end"


def test_card_and_model_must_fit(tokenizer):
    model = ScriptedModel(tokenizer.vocab_size, lambda _: 0)
    with pytest.raises(ModelError, match="stop id 5000"):
        Engine(model, tokenizer, Card("m", "midfill-spm", 64, 24, 40, stop_ids=(5000,)))
    with pytest.raises(ModelError, match="the tokenizer has 1024 tokens, the model only 1000"):
        Engine(ScriptedModel(1000, lambda _: 0), tokenizer, CARD)


def test_a_vocabulary_padded_beyond_the_tokenizer_is_never_drawn(tokenizer):
    model = ScriptedModel(1100, lambda _: 1099)
    text, done = answer(Engine(model, tokenizer, CARD), PromptText("x"), max_tokens=3)
    assert (text, done.stop_reason) == ("", "eot")  # its second wish, id 0


@pytest.mark.parametrize(("weights", "all_kept"), [(1 << 30, False), (1 << 36, True)])
def test_memory_for_sequences_grows_with_the_model(tokenizer, monkeypatch, weights, all_kept):
    """Twenty prompts, with 1 MiB a token, are all kept beside 64 GiB of weights, but not beside one."""
    monkeypatch.setattr(ScriptedModel, "page_bytes", 4 << 20)
    model = ScriptedModel(tokenizer.vocab_size, lambda _: 0)
    model.memory_bytes = weights
    engine = Engine(model, tokenizer, CARD)
    prompts = [PromptText("x = y\n" * 10, f"\n{name} = {name}" * 3) for name in "abcdefghijklmnopqrst"]
    for prompt in prompts:
        answer(engine, prompt)
    cached = [answer(engine, prompt)[1].statistics.cached_tokens > 10 for prompt in prompts]
    assert all(cached) == all_kept


def prompts(count):
    return [PromptText(f"{name} = 1\n" * 12 + f"{name}.", "c = 2\n" * 4) for name in "abcdefgh"[:count]]


@pytest.mark.parametrize("width", [1, 3])
def test_a_pool_that_is_too_small_for_all_changes_no_answer(tokenizer, width):
    """Requests give way to newer ones and begin anew; what is finished is dropped. A model that is never sure
    keeps a beam wide."""

    def wish(tokens):
        return 30 + sum(tokens) * 7 % 60

    card = replace(CARD, beam_width=width)

    def ends(kv_bytes, *groups):
        model = ScriptedModel(tokenizer.vocab_size, wish)
        sure = model.logits
        model.logits = lambda chunk: sure(chunk) * 0.05
        engine = Engine(model, tokenizer, card, kv_bytes=kv_bytes, prefill_chunk=32, check=True)
        texts = {}
        for group in groups:
            for key in group:
                engine.submit(Request(key, f"{key}", prompts(8)[key], max_tokens=20))
            for event in run(engine):
                assert not isinstance(event, ErrorEvent)
                if isinstance(event, TextEvent):
                    texts[event.key] = texts.get(event.key, "") + event.text
        return texts, len(model.computed)

    little = 40 * (131 // 4 + 2) * max(2, width)
    alone, _ = ends(1 << 20, *([key] for key in range(8)))
    assert all(alone[key] for key in range(8))
    (roomy, few), (tight, many) = ends(1 << 20, range(8)), ends(little, range(8))
    assert roomy == tight == alone
    assert many > few


def test_a_request_that_does_not_fit_though_it_has_all_memory_is_refused(tokenizer, monkeypatch):
    """Where a fork is a copy, a beam may need more than one request's worth."""
    model = ScriptedModel(tokenizer.vocab_size, lambda _: 0)
    engine = Engine(model, tokenizer, CARD, kv_bytes=40 * 33, check=True)
    hog = engine._tree._pool.new_sequence()
    hog.append([1] * 60)
    engine.submit(Request(1, "", prompts(1)[0]))
    (error,) = run_unchecked(engine)
    assert (error.code, error.key) == ("overloaded", 1)
    assert "no memory for so long a request" in error.message
    hog.truncate(0)
    assert answer(engine, prompts(1)[0])[1].stop_reason == "eot"


def run_unchecked(engine):
    """Of an engine some of whose pages the test itself has."""
    engine._check = False
    events = run(engine)
    engine._check = True
    return events


def test_memory_that_one_request_may_not_fit_is_refused(tokenizer):
    model = ScriptedModel(tokenizer.vocab_size, lambda _: 0)
    with pytest.raises(ModelError, match="kv_bytes: 1300 have no room for the 131 tokens of one request"):
        Engine(model, tokenizer, CARD, kv_bytes=1300)


@pytest.mark.parametrize("steps", range(12))
def test_an_abort_takes_one_step_wherever_the_request_is_and_loses_no_page(tokenizer, steps):
    """Before it began, between chunks of its prompt, and in a beam of three that is never sure."""
    model = ScriptedModel(tokenizer.vocab_size, lambda tokens: 30 + sum(tokens) * 7 % 60)
    sure = model.logits
    model.logits = lambda chunk: sure(chunk) * 0.05
    engine = Engine(model, tokenizer, replace(CARD, beam_width=3), prefill_chunk=8, check=True)
    engine.submit(Request(1, "a", prompts(1)[0], max_tokens=30))
    for _ in range(steps):
        assert not any(isinstance(event, DoneEvent) for event in engine.step())
    engine.abort(1)
    (done,) = engine.step()  # checks the account
    assert (done.key, done.stop_reason, engine.has_work) == (1, "aborted", False)
    assert len(model.passes) == steps


def test_an_abort_gives_all_pages_back_but_those_of_the_known_beginning(counting):
    counting.submit(Request(1, "", GAP))
    for _ in range(4):
        counting.step()
    counting.abort(1)
    counting.step()  # checks the account
    assert len(counting._tree) == 1
    assert counting._tree.evict()
    pool = counting._tree._pool
    assert pool.num_free == pool.num_pages
