"""The native index by itself; tests/inference/test_occurrences.py holds it against a search."""

import pytest

from kernels.text import available, index

pytestmark = pytest.mark.skipif(not available(), reason="the native modules were not built")


def test_the_longest_end_decides_and_the_last_occurrence_comes_first():
    found = index(b"x.a y.b x.", b" x.c")
    match = found.match(b"zz x.")
    assert match.length == len(b" x.")
    assert found.continuations(match, 48) == [b"c"]
    assert found.continuations(found.match(b"."), 3) == [b"c", b"b x", b"a y"]
    assert found.size == len(b"x.a y.b x. x.c")


def test_a_match_goes_on_as_if_it_were_made_anew():
    found = index(b"abcabdabe", b"")
    match = found.match(b"")
    assert match.length == 0 and found.continuations(match, 48) == []
    for end in range(1, 9):
        match = found.follow(match, b"abcabdab"[end - 1 : end])
        anew = found.match(b"abcabdab"[:end])
        assert match.length == anew.length
        assert found.continuations(match, 48) == found.continuations(anew, 48)


def test_it_grows():
    found = index(b"ab", b"")
    assert found.match(b"b").length == 0, "nothing stands behind it yet"
    found.extend(b"c")
    assert found.continuations(found.match(b"b"), 48) == [b"c"]


@pytest.mark.parametrize("before", [b"", b"a"])
def test_little_text_has_no_occurrences(before):
    assert index(before, b"").match(b"a").length == 0
