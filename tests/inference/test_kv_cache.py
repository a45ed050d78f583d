"""Which stored sequence serves whom, and which is dropped."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.kv_cache import KvStore
from tests.inference.token_sequence import TokenSequence


class Model:
    def new_sequence(self):
        return TokenSequence()


def store_of(*sequences, max_bytes=10_000):
    store = KvStore(Model(), max_bytes)
    for salt, tokens in sequences:
        store.give_back(salt, tokens, TokenSequence(tokens))
    return store


def test_the_longest_beginning_is_lent():
    store = store_of(("", [1, 2, 3]), ("", [1, 2, 3, 4, 5]), ("", [1, 2]))
    assert store.lend("", [1, 2, 3, 4, 9, 9]).tokens == [1, 2, 3, 4]


def test_at_least_one_token_is_left_to_compute():
    assert store_of(("", [1, 2, 3])).lend("", [1, 2, 3]).tokens == [1, 2]
    assert store_of(("", [1, 2, 3])).lend("", [1]).tokens == []


def test_who_goes_on_from_most_of_it_takes_it_over():
    store = store_of(("", [1, 2, 3, 4]))
    store.lend("", [1, 2, 3, 7])
    assert len(store) == 0


def test_who_shares_little_gets_a_copy():
    store = store_of(("", [1, 2, 3, 4, 5, 6]))
    borrowed = store.lend("", [1, 2, 9])
    borrowed.tokens.append(9)
    assert store.lend("", [1, 2, 3, 4, 5, 6, 7]).tokens == [1, 2, 3, 4, 5, 6]


def test_another_salt_shares_nothing():
    store = store_of(("one", [1, 2, 3]))
    assert store.lend("two", [1, 2, 3, 4]).tokens == []
    assert store.lend("one", [1, 2, 3, 4]).tokens == [1, 2, 3]


def test_the_least_recently_used_go_first():
    store = store_of(("", [1] * 4), ("", [2] * 4), max_bytes=100)
    store.lend("", [1, 7])  # a copy: the first is now the more recently used
    store.give_back("", [3] * 4, TokenSequence([3] * 4))
    assert store.memory_bytes == 80
    assert store.lend("", [2] * 5).tokens == []
    assert store.lend("", [1] * 5).tokens == [1] * 4


def test_the_newest_is_kept_though_it_exceeds_the_cap_alone():
    store = store_of(("", [1] * 4), ("", [2] * 50), max_bytes=100)
    assert len(store) == 1
    assert store.lend("", [2] * 50).length == 49


def test_a_sequence_that_is_not_its_tokens_is_refused():
    with pytest.raises(ValueError, match="a sequence of 2 tokens was returned as 3"):
        store_of().give_back("", [1, 2, 3], TokenSequence([1, 2]))


@given(
    requests=st.lists(
        st.tuples(st.sampled_from("ab"), st.lists(st.integers(0, 2), min_size=1, max_size=12)), max_size=30
    )
)
def test_what_is_lent_always_is_the_best_beginning_and_memory_stays_within_the_cap(requests):
    store, known = KvStore(Model(), 300), {"a": [], "b": []}
    for salt, tokens in requests:
        sequence = store.lend(salt, tokens)
        assert sequence.tokens == tokens[: sequence.length]
        assert sequence.length < len(tokens)
        if sequence.length:
            assert any(old[: sequence.length] == sequence.tokens for old in known[salt])
        store.give_back(salt, tokens, TokenSequence(tokens))
        known[salt].append(tokens)
        assert store.memory_bytes <= 300
