"""Which places go on with a text: source with the cursor of the request, what it says now, the text."""

import pytest

from lsp_server.completion.context import SUFFIX_BUDGET
from lsp_server.completion.origin import Origin
from lsp_server.completion.trim import drops_blank
from lsp_server.document import Document, Snapshot
from lsp_server.syntax.site import survey
from tests.lsp_server.completion.cursor import at_cursor

FAR = "b = 2\n" * SUFFIX_BUDGET

FITS = [
    # now, generated, what is still to come
    ("x = ‸\n", "foo(a)", "foo(a)"),
    ("x = f‸\n", "foo(a)", "oo(a)"),
    ("x = foo(a)‸\n", "foo(a)", ""),
    ("x = foo‸\n", " foo(a)", "(a)"),  # the blank is there already
    ("x = foo(‸)\n", "foo(a)", "a)"),  # the editor closed the bracket
    ("x = foo([‸])\n", "foo([a])", "a])"),
    ('x = foo("‸")\n', 'foo("a")', 'a")'),
    ("x = foo('it‸')\n", "foo('its')", "s')"),
    ("x = a\n    b‸\n", "a\n    bc", "c"),
]

DOES_NOT_FIT = [
    ("x = g‸\n", "foo(a)"),
    ("x = foo(a)b‸\n", "foo(a)"),
    ("y = f‸\n", "foo(a)"),
    ("x = ‸ + 1\n", "foo(a)"),
    ("x = f‸\ny\n", "foo(a)"),
    ("\nx = f‸\n", "foo(a)"),
    ("x =‸\n", "foo(a)"),
    ("x = f‸)\n", "foo(a)"),  # nothing that was typed opens that bracket
    ("x = foo(‸]\n", "foo(a)"),
    ("x = foo((‸)\n", "foo((a))"),
    ("x = foo(a)‸)\n", "foo(a)"),
]


def origin(source: str) -> tuple[Origin, Snapshot]:
    snapshot, offset = at_cursor(source, "python")
    return Origin.of(snapshot, offset, drops_blank(survey(snapshot, offset))), snapshot


@pytest.mark.parametrize(("now", "generated", "rest"), FITS)
def test_a_place_that_was_typed_to_goes_on_with_the_text(now: str, generated: str, rest: str) -> None:
    asked, _ = origin("x = ‸\n")
    snapshot, offset = at_cursor(now, "python")
    start = asked.reached(generated, snapshot, offset)
    assert start is not None
    assert generated[start:] == rest
    assert asked.may_lead_to(generated, snapshot)


@pytest.mark.parametrize(("now", "generated"), DOES_NOT_FIT)
def test_any_other_place_does_not(now: str, generated: str) -> None:
    asked, _ = origin("x = ‸\n")
    snapshot, offset = at_cursor(now, "python")
    assert asked.reached(generated, snapshot, offset) is None
    assert not asked.may_lead_to(generated, snapshot)


@pytest.mark.parametrize(
    ("now", "fits"),
    [
        (f"{FAR}x = f‸\n{FAR}", True),
        (f"a{FAR[1:]}x = f‸\n{FAR}", False),  # an edit at the very beginning
        (f"{FAR}x = f‸\na{FAR[1:]}", False),  # one that the prompt shows
        (f"{FAR}x = f‸\n{FAR[:-2]}3\n", True),  # one that it does not show
    ],
)
def test_an_edit_elsewhere_is_noticed_if_a_prompt_could_show_it(now: str, fits: bool) -> None:
    asked, _ = origin(f"{FAR}x = ‸\n{FAR}")
    assert (asked.reached("foo", *at_cursor(now, "python")) == 1) is fits


def test_a_blank_in_a_string_is_no_blank_too_many() -> None:
    asked, _ = origin("x = 'a ‸'\n")
    assert asked.reached(" b", *at_cursor("x = 'a b‸'\n", "python")) is None


def test_line_ends_are_those_of_the_document() -> None:
    asked, _ = origin("if x:\r\n    ‸\r\n")
    assert asked.reached("a\n    b", *at_cursor("if x:\r\n    a\r\n    ‸\r\n", "python")) == len("a\n    ")


def test_another_document_with_the_same_text_is_another_place() -> None:
    asked, snapshot = origin("x = ‸\n")
    other = Document("file:///other", "python", 1, snapshot.text).snapshot
    assert asked.reached("foo", other, 4) is None
    assert not asked.may_lead_to("foo", other)


def test_it_holds_none_of_the_users_text() -> None:
    asked, _ = origin("password = ‸\n")
    assert "password" not in repr(asked)
