"""Stop strings are found however text is cut, and no part of one is shown."""

from hypothesis import given
from hypothesis import strategies as st

from inference.stop import StopScanner

STOPS = st.lists(st.text("ab\n", min_size=1, max_size=4), max_size=4)
PIECES = st.lists(st.text("ab\n", max_size=4), max_size=20)


def through(stops, pieces):
    scanner = StopScanner(stops)
    shown = [scanner.feed(piece) for piece in pieces]
    return "".join(shown) + scanner.flush(), scanner.stopped, shown


@given(stops=STOPS, pieces=PIECES)
def test_the_cut_does_not_matter(stops, pieces):
    text, stopped, _ = through(stops, pieces)
    assert (text, stopped) == through(stops, list("".join(pieces)))[:2]
    assert (text, stopped) == through(stops, ["".join(pieces)])[:2]


@given(stops=STOPS, pieces=PIECES)
def test_text_is_shown_up_to_a_stop_string_or_whole(stops, pieces):
    whole = "".join(pieces)
    text, stopped, _ = through(stops, pieces)
    assert stopped == any(stop in whole for stop in stops)
    assert not any(stop in text for stop in stops)
    if stopped:
        assert any(whole.startswith(text + stop) for stop in stops)
    else:
        assert text == whole


@given(stops=STOPS, pieces=PIECES)
def test_nothing_shown_is_ever_taken_back(stops, pieces):
    shown = "".join(through(stops, pieces)[2])
    for piece in ["a", "b", "\n"]:
        assert through(stops, [*pieces, piece])[0].startswith(shown)


def test_a_stop_string_across_three_pieces():
    scanner = StopScanner(["\ndef "])
    assert [scanner.feed(piece) for piece in ["x\n", "de", "f y"]] == ["x", "", ""]
    assert scanner.stopped


def test_what_turns_out_not_to_be_one_is_let_go():
    scanner = StopScanner(["\ndef "])
    assert [scanner.feed(piece) for piece in ["x\n", "de", "l y"]] == ["x", "", "\ndel y"]
    assert scanner.feed("\nd") == ""
    assert scanner.flush() == "\nd"
    assert not scanner.stopped


def test_the_longer_of_two_that_end_together_wins():
    assert through(["b", "ab"], ["xab"])[0] == "x"


def test_after_a_stop_nothing_comes():
    scanner = StopScanner(["b"])
    assert scanner.feed("ab") == "a"
    assert scanner.feed("c") == ""
    assert scanner.flush() == ""
