from __future__ import annotations

import random

import numpy as np
import pytest
from datasketch import MinHash

from training.near_duplicates import PERMUTATIONS, NearDuplicates, shingles

WORDS = [f"word{i}" for i in range(4_000)]


def document(seed: int, count: int = 400) -> list[str]:
    return random.Random(seed).choices(WORDS, k=count)


def changed(words: list[str], count: int) -> list[str]:
    """`words` with `count` of them, far apart, replaced: each takes five shingles away and adds five."""
    step = len(words) // count
    return [f"other{i}" if i % step == step // 2 else word for i, word in enumerate(words)]


def resemblance(one: list[str], other: list[str]) -> float:
    a, b = set(shingles(" ".join(one)).tolist()), set(shingles(" ".join(other)).tolist())
    return len(a & b) / len(a | b)


def test_shingles_depend_on_words_and_their_order_alone() -> None:
    one = shingles("alpha beta gamma delta epsilon zeta")
    assert len(one) == 2
    assert np.array_equal(one, shingles("alpha(beta, gamma);\n\tdelta . epsilon = zeta"))
    assert not np.array_equal(one, shingles("beta alpha gamma delta epsilon zeta"))
    assert len(shingles("two words")) == 1
    assert len(shingles("+ - *")) == 0


def test_the_signature_is_the_librarys_own() -> None:
    hashes = shingles(" ".join(document(1, 3_000)))
    theirs = MinHash(num_perm=PERMUTATIONS, seed=1, hashfunc=int)
    theirs.update_batch(hashes.tolist())
    assert np.array_equal(NearDuplicates()._signature(hashes).hashvalues, theirs.hashvalues)


@pytest.mark.parametrize(("changes", "kept"), [(1, False), (3, False), (16, True), (80, True)])
def test_only_a_close_copy_is_a_near_duplicate(changes: int, kept: bool) -> None:
    for seed in range(5):
        seen = NearDuplicates()
        original = document(seed)
        copy = changed(original, changes)
        assert (resemblance(original, copy) < 0.8) == kept  # both sides of the threshold, with room to spare
        assert seen.keep(" ".join(original))
        assert seen.keep(" ".join(copy)) == kept


def test_the_first_of_two_stays_and_texts_without_words_always_do() -> None:
    seen = NearDuplicates()
    texts = [" ".join(document(seed)) for seed in (1, 2, 1, 3, 2)]
    assert [seen.keep(text) for text in texts] == [True, True, False, True, False]
    assert [seen.keep("+ - *"), seen.keep("+ - *")] == [True, True]
    assert len(seen) == 3
