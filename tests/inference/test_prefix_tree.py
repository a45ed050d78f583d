"""Which beginning serves whom, what is dropped, and that no page is ever lost."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from inference import prefix_tree
from inference.model import OutOfPagesError
from inference.prefix_tree import BrokenTreeError, PrefixTree
from tests.inference.token_sequence import TokenPool, TokenSequence


def tree_of(*finished, num_pages=1000):
    """A tree of (salt, tokens, document), and its pool."""
    pool = TokenPool(num_pages)
    tree = PrefixTree(pool)
    for salt, tokens, *document in finished:
        give(tree, pool, salt, tokens, *document)
    return tree, pool


def give(tree, pool, salt, tokens, document=""):
    tree.give_back(salt, tokens, TokenSequence(tokens, pool), document)


def lent(tree, salt, tokens):
    return tree.lend(salt, tokens).tokens


def test_the_longest_beginning_is_lent_wherever_it_ends():
    tree, _ = tree_of(("", [1, 2, 3]), ("", [1, 2, 3, 4, 5]), ("", [1, 2, 7, 8]), ("", [9]))
    assert lent(tree, "", [1, 2, 3, 4, 6, 6]) == [1, 2, 3, 4]
    assert lent(tree, "", [1, 2, 7, 8, 9]) == [1, 2, 7, 8]
    assert lent(tree, "", [1, 5]) == [1]
    assert lent(tree, "", [5, 1]) == []
    tree.check()


def test_at_least_one_token_is_left_to_compute():
    tree, _ = tree_of(("", [1, 2, 3]))
    assert lent(tree, "", [1, 2, 3]) == [1, 2]
    assert lent(tree, "", [1]) == []


def test_what_is_a_beginning_of_another_takes_no_place_of_its_own():
    tree, pool = tree_of(("", [1, 2, 3, 4, 5, 6]))
    free = pool.num_free
    give(tree, pool, "", [1, 2, 3])
    assert (len(tree), pool.num_free) == (1, free)
    give(tree, pool, "", [1, 2, 3, 4, 5, 6, 7, 8])
    assert (len(tree), pool.num_free) == (1, free)
    assert lent(tree, "", [1, 2, 3, 4, 5, 6, 7, 8, 9]) == [1, 2, 3, 4, 5, 6, 7, 8]


def test_two_that_go_on_differently_share_what_they_have_in_common():
    tree, pool = tree_of(("", list(range(40))))
    used = pool.num_pages - pool.num_free
    sequence = tree.lend("", [*range(38), 99, 98])
    sequence.append([99, 98])
    assert pool.num_pages - pool.num_free == used + 1
    tree.give_back("", [*range(38), 99, 98], sequence)
    assert (len(tree), pool.num_pages - pool.num_free) == (2, used + 1)
    tree.check()


def test_a_copy_is_independent():
    tree, _ = tree_of(("", [1, 2, 3, 4, 5, 6]))
    tree.lend("", [1, 2, 9]).append([9])
    assert lent(tree, "", [1, 2, 3, 4, 5, 6, 7]) == [1, 2, 3, 4, 5, 6]


def test_another_salt_shares_nothing():
    tree, _ = tree_of(("one", [1, 2, 3]))
    assert lent(tree, "two", [1, 2, 3, 4]) == []
    assert lent(tree, "one", [1, 2, 3, 4]) == [1, 2, 3]


def test_the_least_recently_used_goes_first():
    tree, _ = tree_of(("", [1] * 4), ("", [2] * 4), ("", [3] * 4))
    tree.lend("", [1, 7])
    assert tree.evict()
    assert [lent(tree, "", [n] * 5) for n in (1, 2, 3)] == [[1] * 4, [], [3] * 4]


def test_the_latest_of_a_document_goes_after_what_is_nobodys():
    tree, pool = tree_of(("", [1] * 4, "a"), ("", [2] * 4, "b"), ("", [3] * 4), ("", [4] * 4, "c"))
    give(tree, pool, "", [5] * 4, "a")  # what was a's before is nobody's now, and the oldest
    gone = []
    while tree.evict():
        gone.append(next(n for n in (1, 3, 2, 4, 5) if n not in gone))
        assert lent(tree, "", [gone[-1]] * 5) == []
        tree.check()
    assert gone == [1, 3, 2, 4, 5]
    assert pool.num_free == pool.num_pages
    assert not tree.evict()


def test_a_document_is_known_within_its_salt():
    tree, _ = tree_of(("one", [1] * 4, "a"), ("two", [2] * 4, "a"), ("one", [3] * 4))
    tree.evict()
    assert (lent(tree, "one", [1] * 5), lent(tree, "two", [2] * 5)) == ([1] * 4, [2] * 4)


def test_a_pin_follows_what_covers_its_text():
    """The document's latest is a beginning of what another one computed since."""
    tree, pool = tree_of(("", [1, 2], "a"))
    give(tree, pool, "", [1, 2, 3, 4])
    give(tree, pool, "", [9, 9])
    tree.evict()
    assert lent(tree, "", [1, 2, 5]) == [1, 2]


def test_documents_beyond_the_limit_are_forgotten(monkeypatch):
    monkeypatch.setattr(prefix_tree, "MAX_DOCUMENTS", 2)
    tree, _ = tree_of(("", [1] * 4, "a"), ("", [2] * 4, "b"), ("", [3] * 4, "c"))
    tree.lend("", [1, 1])
    tree.evict()
    assert [lent(tree, "", [n] * 5) != [] for n in (1, 2, 3)] == [False, True, True]


def test_without_memory_for_a_copy_nothing_is_lent():
    tree, pool = tree_of(("", [1, 2, 3]))

    def fork(length):
        raise OutOfPagesError("no")

    (leaf,) = tree._leaves
    leaf.sequence.fork = fork
    assert lent(tree, "", [1, 2, 3, 4]) == []
    assert pool.num_free == pool.num_pages - 1


def test_a_sequence_that_is_not_its_tokens_is_refused():
    tree, pool = tree_of()
    with pytest.raises(ValueError, match="a sequence of 2 tokens was returned as 3"):
        tree.give_back("", [1, 2, 3], TokenSequence([1, 2], pool))


def test_a_lost_page_is_found():
    tree, pool = tree_of(("", [1] * 9))
    tree.check()
    held = TokenSequence([1], pool)
    with pytest.raises(BrokenTreeError, match="996 free and 3 used of 1000 pages"):
        tree.check()
    tree.check([held])


def test_a_leaf_that_is_not_its_tokens_is_found():
    tree, _ = tree_of(("", [1, 2, 3]))
    (leaf,) = tree._leaves
    leaf.sequence.truncate(2)
    with pytest.raises(BrokenTreeError, match="a leaf of 3 tokens has 2"):
        tree.check()


TOKENS = st.lists(st.integers(0, 2), min_size=1, max_size=14)


@given(requests=st.lists(st.tuples(st.sampled_from("ab"), TOKENS), max_size=30))
def test_what_is_lent_is_the_longest_beginning_there_ever_was(requests):
    tree, pool = tree_of()
    known = {"a": [], "b": []}
    for salt, tokens in requests:
        common = [
            n for old in known[salt] for n in range(len(tokens)) if old[:n] == tokens[:n] and n <= len(old)
        ]
        assert lent(tree, salt, tokens) == tokens[: max(common, default=0)]
        give(tree, pool, salt, tokens)
        known[salt].append(tokens)


class Requests(RuleBasedStateMachine):
    """Requests begin, go on, are cancelled and finish, in a pool that is too small for all of them."""

    def __init__(self):
        super().__init__()
        self.pool = TokenPool(12)
        self.tree = PrefixTree(self.pool)
        self.running = []  # [salt, tokens, sequence]

    @rule(salt=st.sampled_from(["", "x"]), tokens=TOKENS)
    def begin(self, salt, tokens):
        sequence = self.tree.lend(salt, tokens)
        assert sequence.tokens == tokens[: sequence.length]
        assert sequence.length < len(tokens)
        self.running.append([salt, tokens, sequence])

    @precondition(lambda self: self.running)
    @rule(which=st.integers(0, 99), count=st.integers(1, 9))
    def compute(self, which, count):
        _, tokens, sequence = self.running[which % len(self.running)]
        chunk = tokens[sequence.length : sequence.length + count]
        while True:
            try:
                return sequence.append(chunk)
            except OutOfPagesError:
                if not self.tree.evict():
                    assert len(self.tree) == 0
                    return None  # it waits

    @precondition(lambda self: self.running)
    @rule(which=st.integers(0, 99), length=st.integers(0, 14))
    def branch(self, which, length):
        salt, tokens, sequence = self.running[which % len(self.running)]
        self.running.append([salt, tokens, sequence.fork(min(length, sequence.length))])

    @precondition(lambda self: self.running)
    @rule(which=st.integers(0, 99), document=st.sampled_from(["", "a", "b"]))
    def finish(self, which, document):
        salt, tokens, sequence = self.running.pop(which % len(self.running))
        self.tree.give_back(salt, tokens[: sequence.length], sequence, document)

    @precondition(lambda self: self.running)
    @rule(which=st.integers(0, 99))
    def cancel(self, which):
        self.running.pop(which % len(self.running))

    @rule()
    def evict(self):
        before = len(self.tree)
        assert self.tree.evict() == (before > 0)
        assert len(self.tree) == max(before - 1, 0)

    @invariant()
    def every_page_is_free_or_used(self):
        self.tree.check([sequence for _, _, sequence in self.running])

    def teardown(self):
        self.running.clear()
        while self.tree.evict():
            self.tree.check()
        assert self.pool.num_free == self.pool.num_pages


TestRequests = Requests.TestCase
