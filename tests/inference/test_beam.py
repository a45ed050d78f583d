"""The beam over toy languages, in which the likeliest line can be found by trying them all."""

import math
from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.beam import MARGIN, Beam, Hypothesis
from inference.surroundings import Surroundings
from tests.inference.token_sequence import TokenSequence

# Token 0 ends the answer, token 1 the line.
PIECES = [b"", b"\n", b"a", b"b", b"ab", b" "]
PROMPT = [7, 8]


def language(seed, sharpness=2.0):
    """expected(tokens) → log-probabilities of what comes next, the same whenever it is asked."""

    def expected(tokens):
        random = np.random.default_rng([seed, *tokens])
        scores = random.normal(size=len(PIECES)) * sharpness
        return scores - math.log(np.exp(scores).sum())

    return expected


def run(expected, width, max_tokens=4, required=b"", lines=10, margin=MARGIN, around=None):
    """(answer, log-probability, what was agreed after each step) of a beam that looks at every token."""
    prompt = TokenSequence()
    beam = Beam(
        Hypothesis(list(PROMPT), prompt, required),
        width,
        max_tokens=max_tokens,
        max_length=100,
        margin=margin,
        around=around,
    )
    agreed = []
    for _ in range(1000):
        hypothesis = next(iter(beam.pending()), None)
        if hypothesis is None:
            beam.select(PIECES)
            agreed.append(beam.agreed())
            assert len(beam.live) <= width
            assert len({id(one.sequence) for one in beam.live}) == len(beam.live)
            if beam.best.end is not None or agreed[-1].count(b"\n") >= lines:
                return beam.best, agreed
            continue
        start = hypothesis.sequence.length
        assert hypothesis.sequence.tokens == hypothesis.token_ids[:start]
        assert start < len(hypothesis.token_ids)
        hypothesis.sequence.append(hypothesis.token_ids[start:])
        scores = expected(hypothesis.token_ids)
        hypothesis.choices = [(int(i), float(scores[i])) for i in np.argsort(-scores)[:width]]
    raise AssertionError("the beam does not end")


def likeliest_line(expected, max_tokens):
    """The log-probability of the likeliest first line of those that end where to end is the likeliest."""
    best = -math.inf
    for length in range(1, max_tokens + 1):
        for tokens in product(range(2, len(PIECES)), repeat=length - 1):
            inner = 0.0
            for at, token in enumerate(tokens):
                inner += expected([*PROMPT, *tokens[:at]])[token]
            last = expected([*PROMPT, *tokens])
            likeliest = int(np.argmax(last))
            ends = {likeliest} & {0, 1} if length < max_tokens else {likeliest, *range(2, len(PIECES))}
            best = max([best, *(inner + last[end] for end in ends)])
    return best


def test_the_likeliest_token_may_begin_an_unlikely_line():
    """ " " gathers 0.6 and then scatters it; "ab" has 0.4 and is followed by the end for certain."""

    def expected(tokens):
        shares = {(): [0, 0, 0, 0, 0.4, 0.6], (5,): [0.1, 0.1, 0.3, 0.3, 0.1, 0.1]}
        with np.errstate(divide="ignore"):
            return np.log(np.array(shares.get(tuple(tokens[2:]), [1, 0, 0, 0, 0, 0])))

    assert run(expected, width=1)[0].answer.startswith(b" ")
    best, _ = run(expected, width=2)
    assert (best.answer, best.end, best.logprob) == (b"ab", "eot", pytest.approx(math.log(0.4)))


@given(seed=st.integers(0, 10**6))
def test_a_beam_without_bounds_finds_the_likeliest_line(seed):
    expected = language(seed)
    best, _ = run(expected, width=2000, max_tokens=3, lines=1, margin=math.inf)
    assert best.logprob == pytest.approx(likeliest_line(expected, 3))


@given(seed=st.integers(0, 10**6), width=st.integers(1, 4), required=st.sampled_from([b"", b"a", b"ab"]))
def test_what_is_agreed_only_grows_and_ends_as_the_answer(seed, width, required):
    def expected(tokens):
        scores = language(seed)(tokens)
        written = b"".join(PIECES[token] for token in tokens[2:])
        if len(written) < len(required):
            left = required[len(written) :]
            fits = [bool(p) and (p.startswith(left) or left.startswith(p)) for p in PIECES]
            scores = np.where(fits, scores, -np.inf)
        return scores

    best, agreed = run(expected, width, max_tokens=8, required=required)
    for earlier, later in pairwise(agreed):
        assert later.startswith(earlier)
    assert agreed[-1] == best.answer
    generated = best.token_ids[2:]
    assert b"".join(PIECES[token] for token in generated) == required + best.answer
    steps = [(generated[:at], token) for at, token in enumerate([*generated, 0][: best.num_generated])]
    assert best.logprob == pytest.approx(sum(expected(PROMPT + done)[token] for done, token in steps))
    assert best.sequence.tokens == best.token_ids[: best.sequence.length]


@given(seed=st.integers(0, 10**6), width=st.integers(1, 4))
def test_every_beginning_of_an_answer_has_the_probability_of_its_tokens(seed, width):
    expected = language(seed)
    best, _ = run(expected, width, max_tokens=8)
    generated, length, logprob = best.token_ids[2:], 0, 0.0
    for at, token in enumerate(generated):
        logprob += float(expected([*PROMPT, *generated[:at]])[token])
        for _ in PIECES[token]:
            length += 1
            assert best.logprob_of(length) == pytest.approx(logprob)
    assert length == len(best.answer)
    assert best.logprob <= best.logprob_of(length)  # it has the end too


def test_an_answer_is_not_cut_short_for_being_likelier_that_way():
    """To end at once has 0.4 and any one word only 0.06, but a word comes first."""

    def expected(tokens):
        shares = {(): [0.4, 0.1, 0.41, 0.03, 0.03, 0.03], (2,): [0.1, 0.5, 0.1, 0.1, 0.1, 0.1]}
        return np.log(np.array(shares.get(tuple(tokens[2:]), [0.9, 0.02, 0.02, 0.02, 0.02, 0.02])))

    best, _ = run(expected, width=3, lines=1)
    assert best.answer == b"a\n"


@given(seed=st.integers(0, 10**6))
def test_a_beam_of_one_is_greedy(seed):
    expected = language(seed)
    best, _ = run(expected, width=1, max_tokens=8)
    tokens = list(PROMPT)
    for _ in range(best.num_generated):
        tokens.append(int(np.argmax(expected(tokens))))
    assert best.token_ids == (tokens[:-1] if best.end == "eot" else tokens)


def test_each_line_is_settled_before_the_next():
    """The second line is weighed alone: what the first cost makes no difference to it."""
    best, agreed = run(language(5), width=3, max_tokens=30, lines=3)
    assert best.answer.count(b"\n") >= 1
    firsts = [text for text in agreed if b"\n" in text]
    assert all(text.startswith(firsts[0][: firsts[0].index(b"\n")]) for text in firsts)


def test_a_line_that_says_the_one_above_again_loses_against_any_other():
    """ "ab" is far likelier than "a", but stands above the cursor."""

    def expected(tokens):
        shares = {(): [0.05, 0.05, 0.2, 0.05, 0.6, 0.05]}
        return np.log(np.array(shares.get(tuple(tokens[2:]), [0.9, 0.02, 0.02, 0.02, 0.02, 0.02])))

    assert run(expected, width=2, around=Surroundings("y1ab\nx1", ""))[0].answer == b"ab"
    around = Surroundings("x1ab\nx1", "")
    assert run(expected, width=2, around=around)[0].answer == b"a"
    assert run(expected, width=1, around=around)[0].answer == b"ab"  # there is no other


def test_first_lines_that_ended_are_kept_whether_they_won_or_not():
    """ "a" and "b" both end their line; "ab" is dropped on the way, and the second line does not count."""

    def expected(tokens):
        shares = {(): [0.01, 0.01, 0.5, 0.4, 0.07, 0.01], (2, 1): [0.01, 0.01, 0.01, 0.5, 0.46, 0.01]}
        return np.log(np.array(shares.get(tuple(tokens[2:]), [0.02, 0.9, 0.02, 0.02, 0.02, 0.02])))

    prompt = TokenSequence()
    beam = Beam(Hypothesis(list(PROMPT), prompt, b""), 2, max_tokens=6, max_length=100)
    while beam.best.end is None:
        for one in beam.pending():
            one.sequence.tokens += one.token_ids[one.sequence.length :]
            scores = expected(one.token_ids)
            one.choices = [(int(i), float(scores[i])) for i in np.argsort(-scores)[:2]]
        beam.select(PIECES)
    assert beam.best.answer.startswith(b"a\nb")
    assert beam.others == [
        (b"a\n", pytest.approx(math.log(0.5 * 0.9))),
        (b"b\n", pytest.approx(math.log(0.36))),
    ]
