"""The index finds what the search finds, however the text grew; and the search is a plain one."""

import json
import re
from collections import Counter
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference import occurrences
from inference.occurrences import (
    MAX_LENGTH,
    MAX_OCCURRENCES,
    REACH,
    REST,
    Indexed,
    Searched,
    Surveyor,
    Unsought,
)
from inference.tokenizer import Tokenizer
from kernels.text import available

pytestmark = pytest.mark.skipif(not available(), reason="the native modules were not built")

# Few letters, so that there is much to find; blanks and line ends, which say how much of a text is needed.
TEXT = st.text("ab( \n\t\u4e2d", max_size=60).map(str.encode)
REPEATED = st.builds(bytes.__mul__, st.sampled_from([b"a", b"ab", b"abcab\n"]), st.integers(0, 60))
TEXTS = st.one_of(TEXT, REPEATED)


def brute(data: bytes, context: bytes) -> tuple[int, list[bytes]]:
    """By trying every place, longest first."""
    for length in range(min(len(context), MAX_LENGTH), 0, -1):
        text = context[-length:]
        ends = [
            at + length
            for at in range(len(data) - length)
            if b"\0" not in text and data[at : at + length] == text and data[at + length]
        ]
        if ends:
            last = ends[::-1][:MAX_OCCURRENCES]
            return length, [data[end : end + REACH].split(b"\0")[0] for end in last]
    return 0, []


def deciding(text: bytes) -> bytes:
    """See kernels/text/token_text.h."""
    blank = re.match(rb"\s*", text)
    if b"\n" in blank[0]:
        return text[: blank.end() + 4]
    return re.match(rb"[^\n]*\s*", text)[0]


@given(TEXTS, TEXTS, TEXTS)
def test_the_search_finds_every_occurrence(before, behind, answer):
    searched = Searched.around(before, behind).grown(answer)
    length, texts = brute(b"%b\0%b\0" % (before, behind), before + answer)
    assert searched.following()[0] == length
    assert searched.continuations() == texts


@given(TEXTS, TEXTS, st.lists(TEXTS, max_size=4), st.lists(st.binary(max_size=3) | TEXTS, max_size=5))
def test_the_index_finds_what_the_search_finds(before, behind, typed, answers):
    surveyor = Surveyor()
    for more in [b"", *typed]:  # typing: the text before the cursor grows, and the index with it
        before += more
        found, expected = surveyor.occurrences(before, behind), Searched.around(before, behind)
        assert isinstance(found, Indexed)
        for answer in [b"", *answers]:
            found, expected = found.grown(answer), expected.grown(answer)
            assert found.continuations() == expected.continuations()
            length, texts = found.following()
            assert length == expected.following()[0]
            assert Counter(dict(texts)) == Counter(map(deciding, expected.continuations()))


CHANGES = st.tuples(TEXTS, TEXTS, st.booleans(), st.sampled_from([b"ab", b"\n"]))


@given(st.lists(CHANGES, min_size=1, max_size=8))
def test_an_edited_text_has_the_occurrences_that_it_has_from_scratch(edits):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(occurrences, "REST", 8)
        patch.setattr(occurrences, "MAX_REST", 40)
        surveyor, before, held = Surveyor(), b"", []
        for kept, (typed, answer, holds, behind) in enumerate(edits):
            before = before[: len(before) * kept // 8] + typed
            found = surveyor.occurrences(before, behind)
            held.append((found, found.continuations()) if holds else None)
            for each in (found, found.grown(answer)):
                expected = from_scratch(before, behind, answer if each is not found else b"")
                assert (each.following(), each.continuations()) == expected
        assert all(found.continuations() == said for found, said in filter(None, held))


def from_scratch(before: bytes, behind: bytes, answer: bytes):
    found = Surveyor().occurrences(before, behind).grown(answer)
    return found.following(), found.continuations()


def test_behind_an_edit_near_the_cursor_a_kept_index_goes_on(monkeypatch):
    made = made_from_scratch(monkeypatch)
    above = b"x = 1\n" * 300
    surveyor = Surveyor()
    for before in (b"a", b"b", b"c", b"c(", b"d"):
        surveyor.occurrences(above + before, b"\n")
    assert made == [above + b"a", (above + b"b")[:-REST]]
    surveyor.occurrences(above * 2 + b"a", b"\n")
    surveyor.occurrences(above * 4 + b"a", b"\n")
    assert made[2:] == [(above * 4 + b"a")[:-REST]]
    surveyor.occurrences(above * 4 + b"b", b")\n")
    assert made[3:] == [above * 4 + b"b"]


@pytest.mark.parametrize("name", ["tokenizer_json", "qwen_tokenizer_json"])
def test_what_the_index_leaves_out_does_not_decide_the_first_token(request, name):
    tokenizer = Tokenizer(json.loads(request.getfixturevalue(name)))

    @given(st.text("ab1_.():;, \t\r\n\u4e2d\U0001f600", min_size=1, max_size=30))
    def holds(text):
        # Once in the text behind the cursor, so that it stands behind the only occurrence.
        found = Surveyor().occurrences(b"\x01", b"\x01" + text.encode()).following()
        ((kept, _),) = found[1]
        whole = text.encode()[:REACH]
        assert whole.startswith(kept)
        first = [tokenizer.encode(part.decode("utf-8", "ignore"))[0] for part in (kept, whole)]
        assert first[0] == first[1]

    holds()


@given(TEXTS, TEXTS, st.lists(st.tuples(TEXTS, st.booleans()), max_size=5))
def test_occurrences_are_the_same_whenever_they_are_looked_for(before, behind, answers):
    sought = []

    def seek():
        sought.append(before)
        return Searched.around(before, behind)

    found, expected = Unsought(cache(seek)), Searched.around(before, behind)
    for answer, asks in answers:
        found, expected = found.grown(answer), expected.grown(answer)
        if asks:
            assert found.following() == expected.following()
            assert found.continuations() == expected.continuations()
    assert len(sought) == any(asks for _, asks in answers)


def made_from_scratch(monkeypatch):
    """The texts before the cursor of the indexes that are, as they are made."""
    made = []
    make = occurrences._made
    monkeypatch.setattr(
        occurrences, "_made", lambda old, before, behind: made.append(before) or make(old, before, behind)
    )
    return made


def test_while_a_line_is_typed_the_index_grows_and_is_not_made_anew(monkeypatch):
    made = made_from_scratch(monkeypatch)
    surveyor = Surveyor()
    for before in (b"x = a", b"x = ab", b"x = abc"):
        surveyor.occurrences(before, b"\n")
    assert made == [b"x = a"]
    held = surveyor.occurrences(b"x = abc = a", b"\n")
    assert made == [b"x = a"]
    surveyor.occurrences(b"x = abc = ab", b"\n")  # while somebody has matches in the old one
    assert made == [b"x = a", b""]
    assert held.continuations() == [b"bc = a"]
    surveyor.occurrences(b"y", b"\n")
    surveyor.occurrences(b"yy", b"\n\n")
    assert made[2:] == [b"yy"]


def test_a_text_too_long_for_an_index_is_searched(monkeypatch):
    monkeypatch.setattr(occurrences, "MAX_INDEXED", 10)
    assert isinstance(Surveyor().occurrences(b"a" * 8, b"b" * 2), Indexed)
    assert isinstance(Surveyor().occurrences(b"a" * 8, b"b" * 3), Searched)


def test_without_the_native_module_there_is_the_search(monkeypatch):
    monkeypatch.setattr(occurrences, "available", lambda: False)
    assert isinstance(Surveyor().occurrences(b"a", b"b"), Searched)


def test_a_match_of_another_index_is_refused():
    long, short = (Surveyor().occurrences(text, b"") for text in (b"abcdefgh" * 9, b"a"))
    with pytest.raises(ValueError, match="another index"):
        short.text.index.continuations(long.match, REACH)
