"""Which pieces a prompt has room for, and in which order."""

from hypothesis import given
from hypothesis import strategies as st

from inference.messages import Snippet
from lsp_server.completion.fit import CHARACTERS_PER_TOKEN, Kind, Shown, fit
from lsp_server.completion.sources.query import Piece

ROOMY = 2000


def piece(name: str, size: int = 40) -> Piece:
    text = "".join(f"{name}_{n} = {n}\n" for n in range(size))[: size - 1] + "\n"
    return Piece(f"file:///{name}.py", Snippet(f"{name}.py", text))


A, B, C, D, E, F = (piece(name) for name in "abcdef")
ALL = {Kind.DEFINITION: [A, B], Kind.EDIT: [C, D], Kind.WINDOW: [E, F]}


def names(shown: tuple[Shown, ...]) -> str:
    return "".join(each.snippet.path[0] for each in shown)


def test_definitions_then_windows_then_edits() -> None:
    assert names(fit(ALL, (), ROOMY)) == "abefcd"


def test_each_kind_has_its_best_before_any_has_its_second() -> None:
    room = [names(fit(ALL, (), tokens)) for tokens in (24, 48, 71, 95, 118, 141)]
    assert room == ["e", "ae", "aec", "aefc", "abefc", "abefcd"]


def test_what_was_shown_stays_while_it_is_among_what_is_found() -> None:
    first = fit({Kind.DEFINITION: [A, B]}, (), ROOMY)
    assert names(fit({Kind.DEFINITION: [C, B, A]}, first, ROOMY)) == "ab"
    assert names(fit({Kind.DEFINITION: [C, B]}, first, ROOMY)) == "bc"
    assert names(fit({Kind.DEFINITION: [C, D]}, first, ROOMY)) == "cd"


def test_what_was_shown_stays_where_there_is_nothing_new() -> None:
    first = fit({Kind.DEFINITION: [A, B]}, (), ROOMY)
    assert names(fit({Kind.DEFINITION: [B]}, first, ROOMY)) == "ab"
    assert names(fit({}, first, ROOMY)) == "ab"


def test_the_same_is_not_said_twice() -> None:
    twice = Piece("", A.snippet)
    assert names(fit({Kind.DEFINITION: [A], Kind.WINDOW: [twice]}, (), ROOMY)) == "a"


def test_what_does_not_fit_is_cut_at_a_line() -> None:
    (shown,) = fit({Kind.DEFINITION: [piece("long", 900)]}, (), 100)
    assert 100 < len(shown.snippet.text) <= 100 * CHARACTERS_PER_TOKEN // 2  # there is room for another
    assert shown.snippet.text.endswith("\n")
    assert shown.piece.snippet.text.startswith(shown.snippet.text)
    assert fit({Kind.DEFINITION: [piece("long", 900)]}, (), 40) == ()


pieces = st.builds(piece, st.text("abcdef", min_size=1, max_size=2), st.integers(2, 500))
found = st.dictionaries(st.sampled_from(Kind), st.lists(pieces, max_size=5, unique=True))


@given(found, found, st.integers(0, 400))
def test_never_too_much_nothing_that_was_not_found_and_always_the_same(
    before: dict[Kind, list[Piece]], now: dict[Kind, list[Piece]], num_tokens: int
) -> None:
    held = fit(before, (), num_tokens)
    shown = fit(now, held, num_tokens)
    assert sum(len(each.snippet.text) for each in shown) <= num_tokens * CHARACTERS_PER_TOKEN
    assert shown == held or all(each.piece in now[each.kind] for each in shown)
    assert [each.kind for each in shown] == sorted(each.kind for each in shown)
    assert shown == fit(now, held, num_tokens)
    assert fit(now, shown, num_tokens) == shown  # nothing changes once it has been chosen
